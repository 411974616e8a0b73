import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { Module } from "@nestjs/common";
import type { NestFastifyApplication } from "@nestjs/platform-fastify";
import { DataSource } from "typeorm";
import { AccountRegistry } from "../../src/accounts/account-registry.service.js";
import { AccountsController } from "../../src/accounts/accounts.rest.js";
import { AccessGrants } from "../../src/approvals/access-grants.service.js";
import { ConfigurationController } from "../../src/approvals/configuration.rest.js";
import { CoverageController } from "../../src/approvals/coverage.rest.js";
import { CoverageWatch } from "../../src/approvals/coverage-watch.service.js";
import { ExplainPolicy } from "../../src/approvals/explain-policy.service.js";
import { GlassController } from "../../src/approvals/glass.rest.js";
import { Glass } from "../../src/approvals/glass.service.js";
import { GrantsController } from "../../src/approvals/grants.rest.js";
import { PoliciesController } from "../../src/approvals/policies.rest.js";
import { Policies } from "../../src/approvals/policies.service.js";
import { PreviewPolicy } from "../../src/approvals/preview-policy.service.js";
import { PurposesController } from "../../src/approvals/purposes.rest.js";
import { RegisterAccount } from "../../src/approvals/register-account.service.js";
import { RegistrationsController } from "../../src/approvals/registrations.rest.js";
import { RequestsController } from "../../src/approvals/requests.rest.js";
import { Requests } from "../../src/approvals/requests.service.js";
import { TrustedConfiguration } from "../../src/approvals/trusted-configuration.service.js";
import { AccountLogController } from "../../src/audit/account-log.rest.js";
import { AccountLog } from "../../src/audit/account-log.service.js";
import { AuditController } from "../../src/audit/audit.rest.js";
import { AuditReader } from "../../src/audit/audit-reader.service.js";
import { LogReading } from "../../src/audit/log-reading.port.js";
import { ReportsController } from "../../src/audit/reports.rest.js";
import { Reports } from "../../src/audit/reports.service.js";
import { TlogController } from "../../src/audit/tlog.rest.js";
import { TlogReader } from "../../src/audit/tlog-reader.service.js";
import { PostureController } from "../../src/aws/posture.rest.js";
import { PostureService } from "../../src/aws/posture.service.js";
import { ApiDocument } from "../../src/edge/api-document.js";
import { EdgeModule } from "../../src/edge/edge.module.js";
import { BodyHash, FoundingState, RefusalLog, TokenSource } from "../../src/edge/edge.port.js";
import { declaredRoutes } from "../../src/edge/route-check.js";
import { createHttpApp } from "../../src/edge/server.js";
import { ERRORS } from "../../src/kernel/errors.js";
import { type Operation, ruleOf } from "../../src/kernel/operations.js";
import { ChecklistViews } from "../../src/lifecycle/checklist-view.service.js";
import { ChecklistsController } from "../../src/lifecycle/checklists.rest.js";
import { Checklists } from "../../src/lifecycle/checklists.service.js";
import { Deliveries } from "../../src/notices/deliveries.service.js";
import { NoticesController } from "../../src/notices/notices.rest.js";
import { AllowlistController } from "../../src/people/allowlist.rest.js";
import { Allowlist } from "../../src/people/allowlist.service.js";
import { AllowlistReport } from "../../src/people/allowlist-report.service.js";
import { BackChannelLogout } from "../../src/people/back-channel-logout.service.js";
import { Certification } from "../../src/people/certification.service.js";
import { Enrolment } from "../../src/people/enrolment.service.js";
import { FoundingController } from "../../src/people/founding.rest.js";
import { Founding } from "../../src/people/founding.service.js";
import { Identities } from "../../src/people/identities.service.js";
import { InvitationHalves } from "../../src/people/invitation-halves.service.js";
import { InvitationsController } from "../../src/people/invitations.rest.js";
import { OidcController } from "../../src/people/oidc.rest.js";
import { OidcSignIn } from "../../src/people/oidc-sign-in.service.js";
import { PeopleController } from "../../src/people/people.rest.js";
import { People } from "../../src/people/people.service.js";
import { PersonSessionsController } from "../../src/people/person-sessions.rest.js";
import { Reading } from "../../src/people/reading.service.js";
import { SessionMethods } from "../../src/people/session-methods.service.js";
import { SessionsController } from "../../src/people/sessions.rest.js";
import { Sessions } from "../../src/people/sessions.service.js";
import { TeamsController } from "../../src/people/teams.rest.js";
import { Teams } from "../../src/people/teams.service.js";
import { AccountSecretsController } from "../../src/secrets/account-secrets.rest.js";
import { CandidateReportsController } from "../../src/secrets/candidate-reports.rest.js";
import { CandidatesController } from "../../src/secrets/candidates.rest.js";
import { Candidates } from "../../src/secrets/candidates.service.js";
import { DestructionController } from "../../src/secrets/destruction.rest.js";
import { DestructionCertificates } from "../../src/secrets/destruction-certificates.service.js";
import { DueRotations } from "../../src/secrets/due-rotations.service.js";
import { ImportAccounts } from "../../src/secrets/import-accounts.service.js";
import { ImportsController } from "../../src/secrets/imports.rest.js";
import { OpeningsController } from "../../src/secrets/openings.rest.js";
import { ReportCandidate } from "../../src/secrets/report-candidate.service.js";
import { RevealSecret } from "../../src/secrets/reveal-secret.service.js";
import { RotationsController } from "../../src/secrets/rotations.rest.js";
import { Secrets } from "../../src/secrets/secrets.service.js";
import { SuspectSecret } from "../../src/secrets/suspect-secret.service.js";
import { SuspicionsController } from "../../src/secrets/suspicions.rest.js";
import { HealthRegistry } from "../../src/telemetry/health.js";
import { Log } from "../../src/telemetry/log.service.js";
import { Metrics } from "../../src/telemetry/metrics.js";
import { Board } from "../../src/tickets/board.service.js";
import { TicketUpdatesController } from "../../src/tickets/ticket-updates.rest.js";
import { TicketUpdates } from "../../src/tickets/ticket-updates.service.js";
import { TicketsController } from "../../src/tickets/tickets.rest.js";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..");
const FILE = join(root, "docs", "openapi.json");
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };

// Nothing is ever called here: what is described are the controllers.
const UNUSED = [
  AccountLog,
  AccountRegistry,
  CoverageWatch,
  AccessGrants,
  Board,
  Deliveries,
  Glass,
  Allowlist,
  AllowlistReport,
  Certification,
  Checklists,
  ChecklistViews,
  AuditReader,
  BackChannelLogout,
  BodyHash,
  DataSource,
  Enrolment,
  ExplainPolicy,
  Founding,
  FoundingState,
  Identities,
  DestructionCertificates,
  ImportAccounts,
  Candidates,
  ReportCandidate,
  DueRotations,
  SuspectSecret,
  InvitationHalves,
  Log,
  Metrics,
  OidcSignIn,
  People,
  Policies,
  LogReading,
  PostureService,
  PreviewPolicy,
  Reading,
  RefusalLog,
  RegisterAccount,
  Reports,
  Requests,
  RevealSecret,
  Secrets,
  SessionMethods,
  Sessions,
  Teams,
  TicketUpdates,
  TlogReader,
  TokenSource,
  TrustedConfiguration,
];

@Module({
  providers: [...UNUSED.map((provide) => ({ provide, useValue: {} })), { provide: HealthRegistry, useValue: new HealthRegistry() }],
  exports: [...UNUSED, HealthRegistry],
})
class Behind {}

@Module({
  imports: [Behind, EdgeModule.register({ imports: [Behind], version, ports: [] })],
  controllers: [
    AccountsController,
    AccountSecretsController,
    CandidatesController,
    DestructionController,
    CandidateReportsController,
    RotationsController,
    SuspicionsController,
    AllowlistController,
    AuditController,
    ChecklistsController,
    ConfigurationController,
    CoverageController,
    FoundingController,
    PostureController,
    GlassController,
    GrantsController,
    ImportsController,
    InvitationsController,
    OpeningsController,
    OidcController,
    PeopleController,
    NoticesController,
    PersonSessionsController,
    PoliciesController,
    PurposesController,
    RegistrationsController,
    RequestsController,
    SessionsController,
    ReportsController,
    TeamsController,
    TicketsController,
    TicketUpdatesController,
    TlogController,
    AccountLogController,
  ],
})
class App {}

interface Described {
  readonly operationId: string;
  readonly "x-operation": string;
  readonly security: readonly unknown[];
  readonly responses: Readonly<Record<string, unknown>>;
  readonly requestBody?: { readonly content: object };
}
interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Described>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, { properties?: Record<string, { enum?: unknown }>; required?: string[] }>>;
  };
}

describe("the description of the API", () => {
  let app: NestFastifyApplication;
  let text: string;
  let document: Document;
  before(async () => {
    app = await createHttpApp(App, { listen: { host: "127.0.0.1", port: 0, isLoopback: true } });
    text = app.get(ApiDocument, { strict: false }).text;
    document = JSON.parse(text) as Document;
  });
  after(() => app.close());
  const described = (): Described[] => Object.values(document.paths).flatMap((item) => Object.values(item));

  it("is written out freshly in docs/openapi.json (npm run golden rewrites it)", () => {
    if (process.env["ROOTKEEP_UPDATE_GOLDEN"] === "1") writeFileSync(FILE, text);
    assert.equal(readFileSync(FILE, "utf8"), text);
  });

  it("describes every route of every controller, under an id of its own", () => {
    const ids = described().map(({ operationId }) => operationId);
    assert.equal(new Set(ids).size, ids.length);
    assert.equal(ids.length, declaredRoutes(app).length);
    for (const { operationId, ...rest } of described()) assert.ok(operationId.startsWith(rest["x-operation"]));
  });

  it("is OpenAPI 3.1, without the words of 3.0", () => {
    assert.equal(document.openapi, "3.1.0");
    assert.ok(!text.includes('"nullable"'));
  });

  it("resolves every reference that it makes", () => {
    for (const [, path = ""] of text.matchAll(/"\$ref": "#\/([^"]+)"/g)) {
      const target = path.split("/").reduce<unknown>((node, step) => (node as Record<string, unknown> | undefined)?.[step], document);
      assert.notEqual(target, undefined, path);
    }
  });

  it("gives every operation an answer for success and a problem document for the rest", () => {
    for (const { operationId, responses, security } of described()) {
      assert.ok(
        Object.keys(responses).some((status) => status.startsWith("2")),
        operationId,
      );
      assert.ok("default" in responses, operationId);
      assert.equal("401" in responses, security.length > 0, operationId);
    }
  });

  it("lists every code of the table of errors", () => {
    assert.deepEqual(document.components.schemas["Problem"]?.properties?.["code"]?.enum, Object.keys(ERRORS));
  });

  it("takes the second factor as an argument of the very call, wherever the list of operations demands one", () => {
    for (const { operationId, requestBody, ...rest } of described()) {
      if (!ruleOf(rest["x-operation"] as Operation).stepUp) continue;
      const form = /schemas\/(\w+)"/.exec(JSON.stringify(requestBody ?? {}))?.[1] ?? "";
      assert.ok(document.components.schemas[form]?.required?.includes("code"), operationId);
    }
  });

  it("shows a form's rules: an opening needs a kind and six digits", () => {
    assert.deepEqual(document.components.schemas["OpeningForm"]?.required?.toSorted(), ["code", "kind"]);
    assert.ok(text.includes('"pattern": "^\\\\d{6}$"'));
  });
});
