// A whole vault without the wire: the real services over a real PostgreSQL and a `file:` root key, and people who act on it. For tests of
// what the services decide; what the edge adds is tested over HTTP.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Pool } from "pg";
import type { DataSource } from "typeorm";
import { MIGRATIONS } from "../../migrations/index.js";
import { RootAddresses } from "../../src/accounts/root-addresses.service.js";
import { accountChangeAct } from "../../src/approvals/account-change-act.service.js";
import { brakeRaiseAct } from "../../src/approvals/brake-raise-act.service.js";
import { CATALOGUE } from "../../src/approvals/catalogue.js";
import { revokeGrantsOf } from "../../src/approvals/end-grant.service.js";
import { eraseAct } from "../../src/approvals/erase-act.service.js";
import type { RequestForm } from "../../src/approvals/guarded-act.port.js";
import { type BrakeLimits, OpeningBrake } from "../../src/approvals/opening-brake.service.js";
import { peopleActs } from "../../src/approvals/people-acts.service.js";
import { Policies } from "../../src/approvals/policies.service.js";
import { policyActs } from "../../src/approvals/policy-acts.service.js";
import { isReferral } from "../../src/approvals/purpose.js";
import { RegisterAccount } from "../../src/approvals/register-account.service.js";
import { revealAct } from "../../src/approvals/reveal-act.service.js";
import { TAKING_STATEMENT } from "../../src/approvals/taking-statement.service.js";
import { TicketLooks } from "../../src/approvals/ticket-looks.service.js";
import { TrustedConfiguration } from "../../src/approvals/trusted-configuration.service.js";
import { type AuditAlarms, AuditLog } from "../../src/audit/audit-log.service.js";
import { AuditReader } from "../../src/audit/audit-reader.service.js";
import { type Coverage, NO_COVERAGE } from "../../src/audit/coverage.port.js";
import { ForgedEntries } from "../../src/audit/forged-entries.service.js";
import { connectLog } from "../../src/audit/log-connection.service.js";
import { operatorAlarms } from "../../src/audit/operator-alarms.service.js";
import { RowWatch } from "../../src/audit/row-watch.service.js";
import { Transactions } from "../../src/audit/transactions.service.js";
import type { UnsignedTail } from "../../src/audit/unsigned-tail.js";
import { clientOptions, createDataSource, SteadyClient } from "../../src/database/data-source.service.js";
import type { RefusedRowReason } from "../../src/database/log.port.js";
import { ENTITIES } from "../../src/entities.js";
import { type Clock, SYSTEM_CLOCK } from "../../src/kernel/clock.js";
import type { Id } from "../../src/kernel/ids.js";
import type { Role } from "../../src/kernel/operations.js";
import { DataKeys } from "../../src/keys/data-keys.service.js";
import { DOMAINS, type Domain } from "../../src/keys/domain.js";
import { KeyService } from "../../src/keys/keys.service.js";
import { loadPeopleKeys } from "../../src/keys/people-keys.service.js";
import type { RootKey } from "../../src/keys/root-key.port.js";
import { createRootKey } from "../../src/keys/root-keys.service.js";
import { ChecklistViews } from "../../src/lifecycle/checklist-view.service.js";
import { Checklists } from "../../src/lifecycle/checklists.service.js";
import { ageingOf } from "../../src/lifecycle/lifecycle.module.js";
import { moveAct } from "../../src/lifecycle/move-act.service.js";
import { waiveStepAct } from "../../src/lifecycle/waive-step-act.service.js";
import type { Channel } from "../../src/notices/channel.port.js";
import { Pager } from "../../src/notices/pager.service.js";
import { Allowlist } from "../../src/people/allowlist.service.js";
import { AuthenticatorSeal } from "../../src/people/authenticator-seal.service.js";
import { Certification } from "../../src/people/certification.service.js";
import { Enrolment } from "../../src/people/enrolment.service.js";
import { FailureCounter } from "../../src/people/failure-counter.service.js";
import { Founding } from "../../src/people/founding.service.js";
import { InvitationHalves } from "../../src/people/invitation-halves.service.js";
import { NoticeRecipients } from "../../src/people/notice-recipients.service.js";
import { People } from "../../src/people/people.service.js";
import { Reading } from "../../src/people/reading.service.js";
import type { Scope } from "../../src/people/scope.js";
import type { Sessions } from "../../src/people/sessions.service.js";
import { SignIn } from "../../src/people/sign-in.service.js";
import { StepUp } from "../../src/people/step-up.service.js";
import { Candidates } from "../../src/secrets/candidates.service.js";
import { type CopyKeeper, NO_COPIES } from "../../src/secrets/copy-keeper.port.js";
import { destroyAct } from "../../src/secrets/destroy-act.service.js";
import { DoubtCandidates } from "../../src/secrets/doubt-candidates.service.js";
import { ImportAccounts } from "../../src/secrets/import-accounts.service.js";
import { ReadBack } from "../../src/secrets/read-back.service.js";
import { ReportCandidate } from "../../src/secrets/report-candidate.service.js";
import { RevealSecret } from "../../src/secrets/reveal-secret.service.js";
import { SealedCopies } from "../../src/secrets/sealed-copies.service.js";
import type { SecondStore } from "../../src/secrets/second-store.port.js";
import { settleAct } from "../../src/secrets/settle-act.service.js";
import { waiveAct } from "../../src/secrets/waive-act.service.js";
import { Log } from "../../src/telemetry/log.service.js";
import { Metrics } from "../../src/telemetry/metrics.js";
import { slug } from "../../src/telemetry/site.js";
import { Board } from "../../src/tickets/board.service.js";
import { ToldSystem } from "../../src/tickets/post-ticket-update.service.js";
import { TicketCheck } from "../../src/tickets/ticket-check.service.js";
import { compileTicketPattern } from "../../src/tickets/ticket-reference.js";
import type { TicketSystem } from "../../src/tickets/ticket-system.port.js";
import { AuthenticatorApp } from "./authenticator-app.js";
import { createTestDatabase, type TestDatabase } from "./postgres.js";
import { type ProviderBench, type ProviderBenchOptions, providerBench } from "./provider-bench.js";
import { WatchedAccounts, WatchedGlass, WatchedGrants, WatchedRequests, WatchedSecrets } from "./unscoped.js";

export const LOG_ORIGIN = "rootkeep.test/audit/test/1";
const PASSWORD = "a long pass phrase of tests";

/** Limits of the brake that no test meets by chance. */
export const NO_BRAKE: BrakeLimits = { person: 1e6, deployment: 1e6, windowMinutes: 60 };

/** A signed-in person with an authenticator app. */
export interface Actor {
  readonly personId: Id<"person">;
  readonly sessionId: Id<"session">;
  readonly app: AuthenticatorApp;
  readonly email: string;
  readonly token: string;
}

export interface VaultOptions {
  readonly clock?: Clock;
  readonly rootKey?: RootKey;
  /** Of all domains but the people's; the same unless told. */
  readonly accountsRootKey?: RootKey;
  /** What an opening waits for beyond its entry; nothing unless told. */
  readonly coverage?: Coverage;
  /** None that a test could meet unless told. */
  readonly brake?: BrakeLimits;
  /** Ways of paging; none unless told. */
  readonly channels?: readonly Channel[];
  /** Nothing is sent but enclosed for a client's key; not demanded unless told. */
  readonly demandsDeliveryKey?: boolean;
  /** What of the log nobody has signed; nobody looks unless told. */
  readonly unsigned?: UnsignedTail;
  readonly database?: TestDatabase;
  /** The company's provider, and how long its identities wait. */
  readonly provider?: ProviderBenchOptions;
  /** How long a grant or a certificate vouches for an entry of the allowlist. */
  readonly recertifySeconds?: number;
  /** age recipient of the escrow quorum. */
  readonly escrowRecipient?: string;
  /** How many days backups are kept; nobody has said unless told. */
  readonly backupHorizonDays?: number;
  /** The second store; none unless told. */
  readonly secondStore?: SecondStore;
  /** The ticket system that is connected, given the built-in board; none unless told. */
  readonly tickets?: (board: Board) => TicketSystem;
  /** The second store; none unless told. */
  readonly copies?: CopyKeeper;
  /** The operators' log; nobody reads it unless told. */
  readonly operators?: Log;
  /** Digest of the configuration that founding approves, as in a trial; null for none, as in production. */
  readonly foundingDigest?: string | null;
  /** Digest of the trusted configuration that this process runs with. */
  readonly configDigest?: string;
  /** A second replica over the same database and root key. */
  readonly replicaOf?: Vault;
}

/** What the log's alarms were told. */
export interface Alarm {
  readonly kind: "chain-broken" | "rolled-back" | "clock" | "row-refused" | "append-failed" | "copy-changed";
  readonly what: string;
}

export class Vault {
  readonly alarms: Alarm[] = [];
  custodians: [Actor, Actor] | undefined;

  private constructor(
    readonly database: TestDatabase,
    readonly dataSource: DataSource,
    readonly log: AuditLog,
    readonly reader: AuditReader,
    readonly transactions: Transactions,
    readonly keys: KeyService,
    readonly rootKey: RootKey,
    readonly accountsRootKey: RootKey,
    readonly directory: string,
    readonly people: {
      readonly signIn: SignIn;
      readonly sessions: Sessions;
      readonly provider: ProviderBench;
      readonly founding: Founding;
      readonly enrolment: Enrolment;
      readonly halves: InvitationHalves;
      readonly allowlist: Allowlist;
      readonly people: People;
      readonly stepUp: StepUp;
      readonly seal: AuthenticatorSeal;
    },
    readonly certification: Certification,
    readonly reading: Reading,
    readonly policies: Policies,
    readonly trust: TrustedConfiguration,
    readonly requests: WatchedRequests,
    readonly grants: WatchedGrants,
    readonly glass: WatchedGlass,
    readonly reveals: RevealSecret,
    readonly imports: ImportAccounts,
    readonly candidates: Candidates,
    readonly reports: ReportCandidate,
    readonly doubts: DoubtCandidates,
    readonly secrets: WatchedSecrets,
    readonly copies: SealedCopies,
    readonly accounts: WatchedAccounts,
    readonly addresses: RootAddresses,
    readonly registrations: RegisterAccount,
    readonly board: Board,
    readonly ticketSystem: TicketSystem | null,
    readonly ticketLooks: TicketLooks,
    readonly forged: ForgedEntries,
    readonly life: { readonly checklists: Checklists; readonly views: ChecklistViews },
    private readonly counterPool: Pool,
  ) {}

  static async open(options: VaultOptions = {}): Promise<Vault> {
    const first = options.replicaOf;
    const database = options.database ?? first?.database ?? (await createTestDatabase({ migrations: MIGRATIONS }));
    const directory = first?.directory ?? mkdtempSync(join(tmpdir(), "rootkeep-vault-"));
    const connection = database.connections.rootkeep_service;
    const dataSource = await createDataSource(connection, { entities: [...ENTITIES], poolSize: 8 }).initialize();
    const alarms: Alarm[] = [];
    const operators = options.operators ?? new Log({ write: () => undefined });
    const events = operatorAlarms(operators, new Metrics());
    const noting =
      <A>(kind: Alarm["kind"], tell: (what: A) => void) =>
      (what: A): void => {
        alarms.push({ kind, what: String(what) });
        tell(what);
      };
    const told: AuditAlarms = {
      chainBroken: noting("chain-broken", events.chainBroken),
      rowRefused: (row: string, reason: RefusedRowReason) => {
        alarms.push({ kind: "row-refused", what: `${row} ${reason}` });
        events.rowRefused(row, reason);
      },
      rolledBack: noting("rolled-back", events.rolledBack),
      clockRefused: noting("clock", events.clockRefused),
      appendFailed: noting("append-failed", events.appendFailed),
    };
    const log = new AuditLog(() => connectLog(connection), told, options.unsigned);
    await log.open(LOG_ORIGIN, "test");
    const clock = options.clock ?? SYSTEM_CLOCK;
    const rootKey = options.rootKey ?? createRootKey(`file:${join(directory, "root-key.json")}`);
    const accountsKey = options.accountsRootKey ?? rootKey;
    const rootKeys = Object.fromEntries(DOMAINS.map((domain) => [domain, domain === "people" ? rootKey : accountsKey])) as Record<
      Domain,
      RootKey
    >;
    const escrowRecipient = options.escrowRecipient ?? null;
    const keys = new KeyService({ deployment: "test", rootKeys, clock, escrowRecipient });
    const dataKeys = new DataKeys();
    const peopleKeys = await loadPeopleKeys(dataSource, keys, dataKeys);
    const transactions = new Transactions(dataSource, log, keys.records);
    const forged = new ForgedEntries(log, keys.records, ({ seq, action }) => {
      operators.event("audit.entry_forged", { seq, reason: slug(action) });
    });

    const counterPool = new Pool({ ...clientOptions(connection), max: 2, Client: SteadyClient });
    counterPool.on("error", () => undefined);
    const failures = new FailureCounter(counterPool);
    const seal = new AuthenticatorSeal(keys, peopleKeys);
    const stepUp = new StepUp(seal, failures, { periodSeconds: 1 });
    const enrolment = new Enrolment(dataSource, transactions, keys.records, seal, { deployment: "test", periodSeconds: 1, waitSeconds: 0 });
    const leaving = { revokeGrantsOf };
    const allowlist = new Allowlist(transactions, leaving);
    const persons = new People(transactions, leaving);
    const unknownFailures = { note: () => undefined };
    const provider = providerBench(
      { dataSource, transactions, log, keys, peopleKeys, stepUp, leaving, unknownFailures },
      options.provider ?? { config: null },
    );
    const { sessions } = provider;
    const people = {
      signIn: new SignIn(dataSource, transactions, log, sessions, stepUp, { failures, unknownFailures }),
      sessions,
      provider,
      founding: new Founding(transactions, log, seal, {
        deployment: "test",
        custodians: 2,
        periodSeconds: 1,
        configDigest: options.foundingDigest === undefined ? "ab".repeat(32) : options.foundingDigest,
        records: keys.records,
      }),
      enrolment,
      halves: new InvitationHalves(transactions, keys.records, stepUp, TAKING_STATEMENT),
      allowlist,
      people: persons,
      stepUp,
      seal,
    };
    const policies = new Policies(transactions);
    const certification = new Certification(transactions, log, keys.records, options.recertifySeconds ?? 92 * 86_400);
    const reading = new Reading(transactions);
    const trust = new TrustedConfiguration(log, keys.records, certification, {
      settings: { deployment: "test" },
      digest: options.configDigest ?? "ab".repeat(32),
    });
    const secrets = new WatchedSecrets(transactions, log);
    const addresses = new RootAddresses(transactions, keys.records, { before: "root-", after: "", domain: "aws.example.com" });
    const reveal = revealAct(CATALOGUE, secrets);
    const ticketPattern = compileTicketPattern("[A-Z]{2,5}-[0-9]{1,6}");
    const board = new Board(transactions, ticketPattern);
    const ticketSystem = options.tickets?.(board) ?? null;
    transactions.lend(ToldSystem, new ToldSystem(ticketSystem?.name ?? null, trust.tickets()));
    const ticketCheck = new TicketCheck(ticketSystem, { every: ticketPattern, glass: compileTicketPattern("INC-[0-9]+") });
    const tickets = new TicketLooks(transactions, ticketCheck, trust);
    const linking = { identities: provider.identities, issuer: provider.standing.issuer };
    const ageing = ageingOf(log);
    const acts = [
      reveal,
      waiveAct(log),
      destroyAct({ log, dataKeys, trust, deployment: "test", backupHorizonDays: options.backupHorizonDays ?? null }),
      settleAct(log),
      moveAct(ageing),
      waiveStepAct(ageing),
      trust.act(),
      accountChangeAct(),
      brakeRaiseAct(),
      eraseAct(),
      ...peopleActs(persons, enrolment, allowlist, certification, linking),
      ...policyActs(CATALOGUE),
    ];
    const requests = new WatchedRequests(transactions, stepUp, acts, { logOrigin: LOG_ORIGIN, tickets });
    const origin = { deployment: "test", publicUrl: null };
    const pager = new Pager(options.channels ?? [], new NoticeRecipients(transactions), origin, 1_000);
    const glass = new WatchedGlass(transactions, stepUp, pager);
    const brake = new OpeningBrake(log, transactions, options.brake ?? NO_BRAKE);
    const grants = new WatchedGrants(transactions, stepUp, reveal, brake, glass, tickets);
    const vault = new Vault(
      database,
      dataSource,
      log,
      new AuditReader(dataSource),
      transactions,
      keys,
      rootKey,
      accountsKey,
      directory,
      people,
      certification,
      reading,
      policies,
      trust,
      requests,
      grants,
      glass,
      new RevealSecret(dataSource, transactions, log, grants, trust, keys, dataKeys, options.coverage ?? NO_COVERAGE, {
        clock,
        demandsDeliveryKey: options.demandsDeliveryKey ?? false,
      }),
      new ImportAccounts(dataSource, transactions, log, trust, keys, dataKeys, ["999999999999"], () => undefined, addresses),
      new Candidates(
        dataSource,
        transactions,
        trust,
        keys,
        dataKeys,
        new ReadBack(dataSource, transactions, keys, dataKeys, log),
        options.copies ?? NO_COPIES,
        log,
      ),
      new ReportCandidate(transactions, log),
      new DoubtCandidates(dataSource, transactions, log),
      secrets,
      new SealedCopies({
        dataSource,
        transactions,
        dataKeys,
        keys,
        marks: keys.records,
        trust,
        deployment: "test",
        recipient: escrowRecipient,
        store: options.secondStore ?? null,
        changed: (id) => alarms.push({ kind: "copy-changed", what: id }),
      }),
      new WatchedAccounts(transactions),
      addresses,
      new RegisterAccount(transactions, trust, addresses, ["999999999999"]),
      board,
      ticketSystem,
      tickets,
      forged,
      { checklists: new Checklists(transactions, stepUp, ageing), views: new ChecklistViews(transactions, ageing) },
      counterPool,
    );
    forged.onApplicationBootstrap();
    vault.alarms.push(...alarms);
    Object.defineProperty(vault, "alarms", { value: alarms });
    return vault;
  }

  /** Founds two custodians, Ada and Ben, and signs them in. */
  async found(): Promise<[Actor, Actor]> {
    const [one = "", two = ""] = this.people.founding.invite(new Date());
    const ada = await this.#seat(one, "Ada Custodian", "ada@example.com");
    const ben = await this.#seat(two, "Ben Custodian", "ben@example.com");
    this.custodians = [await this.signIn("ada@example.com", ada), await this.signIn("ben@example.com", ben)];
    return this.custodians;
  }

  /** @param attempts a time step is a second here, and on a busy machine the password's hash alone may take longer; 1 to be refused. */
  async signIn(email: string, app: AuthenticatorApp, attempts = 3): Promise<Actor> {
    const attempt = async () =>
      await this.people.signIn.signIn({ email, password: PASSWORD, code: await app.next(), address: "127.0.0.1" });
    const session = attempts === 1 ? await attempt() : await attempt().catch(attempt).catch(attempt);
    return { personId: session.personId, sessionId: session.sessionId, app, email, token: session.token };
  }

  /** Enrols a person under dual control, puts them on the allowlist with `roles`, and signs them in. */
  async enrol(name: string, roles: readonly Role[], scope: Scope = { kind: "all" }): Promise<Actor> {
    const email = `${name.toLowerCase().replaceAll(" ", ".")}@example.com`;
    const { requestId } = await this.decide({ operation: "person.enrol", subject: { name, email } });
    const { token, code } = await this.invitation(requestId);
    const { personId, otpauth } = await this.people.enrolment.accept({ token, code, password: PASSWORD });
    const app = new AuthenticatorApp(otpauth);
    await this.people.enrolment.confirm(token, await app.next());
    // Ben has used two time steps and Ada one: here he asks and she approves, so that nobody waits for more than they must.
    const [ada, ben] = this.#founders();
    const form = (role: Role) => ({ operation: "allowlist.grant", subject: { personId, role, scope } }) as const;
    for (const role of roles) await this.#decide(form(role), ben, ada);
    return await this.signIn(email, app);
  }

  /** Both halves of the invitation that a request of Ada's, approved by Ben, has made. */
  async invitation(requestId: Id<"request">): Promise<{ token: string; code: string }> {
    const [ada, ben] = this.#founders();
    const { token } = await this.people.halves.takeLink(requestId, ada, await ada.app.next());
    const { code } = await this.people.halves.takeCode(requestId, ben, await ben.app.next());
    return { token, code };
  }

  async allow(personId: Id<"person">, role: Role, scope: Scope = { kind: "all" }): Promise<void> {
    await this.decide({ operation: "allowlist.grant", subject: { personId, role, scope } });
  }

  /** A request that Ada makes and Ben approves. */
  async decide(form: Pick<RequestForm, "operation" | "subject">): Promise<{ requestId: Id<"request"> }> {
    return await this.#decide(form, ...this.#founders());
  }

  /** Imports one account (or the given lines) and returns its id. */
  async import(awsId: string, fields: { customer?: string; kind?: string; password?: string; seed?: string } = {}): Promise<Id<"account">> {
    const {
      customer = "Acme",
      kind = "standalone",
      password = "Tr0ub4dor-and-3-horses",
      seed = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ",
    } = fields;
    const csv = `aws_account_id,partition,kind,customer,root_email,password,mfa_seed\n${awsId},aws,${kind},${customer},root-${awsId}@example.com,${password},${seed}\n`;
    const [ada] = this.#founders();
    await this.imports.run(ada, Buffer.from(csv), { onError: "reject", fromLine: 1 });
    const [account] = await this.accounts.listFor(ada.personId, "", 1, { awsId });
    if (account === undefined) throw new Error("account was not imported");
    return account.id as Id<"account">;
  }

  /**
   * A reveal request by `requester`, approved by each of `approvers`; the grant's id once there are enough. Where the purpose sets a new
   * password, a candidate is staged first.
   */
  async grant(
    requester: Actor,
    approvers: readonly Actor[],
    accountId: Id<"account">,
    purpose = "billing-root-only",
  ): Promise<{ requestId: Id<"request">; grantId: Id<"grant"> }> {
    if (setsPassword(purpose)) await this.candidates.stage(requester, accountId, "root-password");
    const { requestId } = await this.requests.submit(
      requester,
      formOf({ operation: "secret.reveal", accountId, purpose, ticket: "INC-42" }),
    );
    for (const approver of approvers) await this.requests.approve(approver, requestId, await approver.app.next(), "");
    const { grantId } = await this.requests.read(requestId);
    if (grantId === null) throw new Error("not granted");
    return { requestId, grantId };
  }

  /** Opens the password of a grant and returns it. */
  async open(holder: Actor, grantId: Id<"grant">): Promise<string> {
    const { value } = await this.reveals.reveal(holder, grantId, "root-password", await holder.app.next());
    return value.expose((bytes) => bytes.toString("utf8"));
  }

  /** One look of the watch over all deciding rows, of a watch that has told of nothing before. */
  async watchRows(): Promise<number> {
    const watch = new RowWatch(this.dataSource, this.transactions, this.log, (error) => {
      throw error;
    });
    return await watch.look();
  }

  async close(): Promise<void> {
    await this.forged.settled();
    await this.log.close();
    await this.counterPool.end();
    await this.dataSource.destroy();
    this.keys.close();
  }

  /** Closes, drops the database and removes the files. */
  async drop(): Promise<void> {
    await this.close();
    await this.database.drop();
    rmSync(this.directory, { recursive: true, force: true });
  }

  async #decide(form: Pick<RequestForm, "operation" | "subject">, asking: Actor, approving: Actor): Promise<{ requestId: Id<"request"> }> {
    const { requestId } = await this.requests.submit(asking, formOf(form));
    await this.requests.approve(approving, requestId, await approving.app.next(), "");
    return { requestId };
  }

  #founders(): [Actor, Actor] {
    if (this.custodians === undefined) throw new Error("found() first");
    return this.custodians;
  }

  async #seat(token: string, name: string, email: string): Promise<AuthenticatorApp> {
    const { otpauth } = await this.people.founding.accept({ token, name, email, password: PASSWORD });
    const app = new AuthenticatorApp(otpauth);
    await this.people.founding.confirm(token, await app.next());
    return app;
  }
}

/** True for a purpose that is not asked for before a candidate is staged. */
export function setsPassword(purpose: string): boolean {
  return CATALOGUE.entries.some(
    (entry) => entry.slug === purpose && !isReferral(entry) && entry.reveals.includes("newPassword") && !entry.verifies,
  );
}

/** A request's form with everything that a test does not care for. */
export function formOf(form: Partial<RequestForm> & Pick<RequestForm, "operation">): RequestForm {
  return {
    ticket: null,
    reason: "because the test says so",
    accountId: null,
    purpose: null,
    kinds: [],
    minutes: null,
    subject: {},
    ...form,
  };
}
