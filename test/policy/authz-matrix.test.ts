import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import type { NestFastifyApplication } from "@nestjs/platform-fastify";
import request from "supertest";
import { OPERATION_NAMES, type Operation, ROLES } from "../../src/kernel/operations.js";
import { type EdgeApp, edgeApp, restPath } from "../support/edge-app.js";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..");
const GOLDEN = join(root, "test", "golden", "authz-matrix.txt");
const SYS_PATHS: Readonly<Record<string, string>> = {
  "sys.live": "/livez",
  "sys.ready": "/readyz",
  "sys.health": "/v1/sys/health",
  "sys.metrics": "/metrics",
  "sys.openapi": "/openapi.json",
};
// No address is slowed down here: each call is about rights.
const UNLIMITED = { burst: 1e6, perSecond: 1e6, addressesMax: 10 };

/** What the edge answers: `pass`, or the code of the refusal. */
async function outcome(app: NestFastifyApplication, operation: Operation, token?: string): Promise<string> {
  const path = SYS_PATHS[operation];
  const agent = request(app.getHttpServer());
  const call = path === undefined ? agent.post(restPath(operation)) : agent.get(path);
  const { status, body } = await (token === undefined ? call : call.set("authorization", `Bearer ${token}`));
  return status === 200 ? "pass" : String((body as { code?: unknown }).code);
}

async function renderMatrix(founded: EdgeApp, unfounded: EdgeApp): Promise<string> {
  const callers: readonly (readonly [string, EdgeApp, string | undefined])[] = [
    ["anonymous", founded, undefined],
    ["stale token", founded, "rks_stale"],
    ["no role", founded, founded.signIn().token],
    ...ROLES.map((role) => [role, founded, founded.signIn(role).token] as const),
    ["before founding", unfounded, unfounded.signIn(...ROLES).token],
  ];
  const rows = [["operation", ...callers.map(([name]) => name)]];
  for (const operation of OPERATION_NAMES) {
    const row: string[] = [operation];
    for (const [, { app }, token] of callers) row.push(await outcome(app, operation, token));
    rows.push(row);
  }
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  return `${rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n")}\n`;
}

describe("the matrix of rights", () => {
  let founded: EdgeApp;
  let unfounded: EdgeApp;
  before(async () => {
    founded = await edgeApp({ rateLimit: UNLIMITED });
    unfounded = await edgeApp({ rateLimit: UNLIMITED, isFounded: false });
  });
  after(async () => {
    await founded.close();
    await unfounded.close();
  });

  it("is the one that is checked in (npm run golden rewrites it; every changed cell is a decision)", async () => {
    const matrix = await renderMatrix(founded, unfounded);
    if (process.env["ROOTKEEP_UPDATE_GOLDEN"] === "1") writeFileSync(GOLDEN, matrix);
    assert.equal(matrix, readFileSync(GOLDEN, "utf8"));
  });

  // Peer's mistake (CVE-2025-52894): the endpoints of a ceremony took calls of anybody. Those named here take a one-time token instead.
  it("lets nobody without a session do anything but probe, found, accept an invitation, link with one, sign in, and be the provider that logs out", async () => {
    const passed: Operation[] = [];
    for (const operation of OPERATION_NAMES) if ((await outcome(founded.app, operation)) === "pass") passed.push(operation);
    assert.deepEqual(
      passed.filter((operation) => !operation.startsWith("sys.")),
      [
        ...["founding.accept", "founding.confirm", "invitation.accept", "invitation.confirm"],
        ...["session.create", "login.begin", "login.complete", "session.logout", "identity.accept"],
      ],
    );
  });

  it("never lets an auditor change anything but end sessions", async () => {
    const { token } = founded.signIn("auditor");
    const reading = /\.(list|read|report|history|explain|preview|report|self|export|live|ready|health|metrics|openapi)$/;
    const open = /^(founding|invitation\.(accept|confirm)|login\.|identity\.accept|session\.(create|revoke|logout))/;
    for (const operation of OPERATION_NAMES) {
      if (reading.test(operation) || open.test(operation)) continue;
      assert.equal(await outcome(founded.app, operation, token), "FORBIDDEN", operation);
    }
  });
});
