// real: the whole application, PostgreSQL, HTTP, oidc-provider. seeded: people and their allowlist, by the application's own transactions.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { OPERATION_NAMES, type Operation, ROLES, type Role, ruleOf } from "../../src/kernel/operations.js";
import { send } from "../support/authz/caller.js";
import { edgeOperation, type Line, matrixOf, NOBODY, nameOf, PASS, render } from "../support/authz/matrix.js";
import { EXPLANATION, isReadByScope, PASSES_BACK, PUBLIC, READ_BY_ROLE, UNHIDDEN, whyNobody } from "../support/authz/reasons.js";
import { COLUMNS, type Column, LEAVERS, RELATIONS, type TargetKind } from "../support/authz/relation.js";
import { rowsOf } from "../support/authz/rows.js";
import { Stage } from "../support/authz/stage.js";
import { TestProvider } from "../support/oidc-provider.js";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..");
const GOLDEN = join(root, "test", "golden", "authz-relations.txt");

/** Refusals by the edge, by the person's roles alone. */
const BY_ROLE = "FORBIDDEN";
/** Nobody may be told of these whether they are there; what is not one's own is as if it were not. */
const HIDDEN: readonly Operation[] = [
  ...(["secret.reveal", "secret.code", "grant.return", "request.withdraw", "candidate.report"] as const),
  ...(["invitation.link", "invitation.code", "session.revoke"] as const),
];

/** About no account: the part that one has over some account is enough. */
const OF_NO_ACCOUNT: readonly TargetKind[] = ["nothing", "general ticket"];

/** Of the log: its size, its signatures, and proofs of hashes. None of them holds an entry. */
const OF_NO_ENTRY: ReadonlySet<string> = new Set([
  ...["head", "checkpoints", "verifier-key", "entries/{seq}/proof", "proofs/inclusion", "proofs/consistency"].map(pathOfLog),
  ...["tlog/checkpoint", "global-acts"].map(pathOfLog),
]);

function pathOfLog(path: string): string {
  return `GET /v1/audit/${path}`;
}

describe("the matrix of relations", () => {
  let provider: TestProvider;
  let stage: Stage;
  let lines: readonly Line[] = [];
  before(async () => {
    provider = await TestProvider.start();
    stage = await Stage.open(provider.environment());
    lines = await matrixOf(stage, rowsOf(stage.size));
  });
  after(async () => {
    await (stage as Stage | undefined)?.close();
    await (provider as TestProvider | undefined)?.stop();
  });

  const where = ({ row, role }: Line, column: Column): string => `${row.operation} ${nameOf(row)}, ${role}, ${column}`;
  const each = (columns: readonly Column[], check: (cell: string, line: Line, column: Column) => void): void => {
    let count = 0;
    for (const line of lines) {
      for (const column of columns) {
        if (line.cells[column] === NOBODY) continue;
        check(line.cells[column], line, column);
        count++;
      }
    }
    assert.ok(count > 0);
  };
  const accessOf = ({ row }: Line) => ruleOf(edgeOperation(row)).access;
  const mayAtEdge = (line: Line, role: Role): boolean => {
    const access = accessOf(line);
    return access === "person" || (access !== "anyone" && access.includes(role));
  };

  it("is the one that is checked in (npm run golden rewrites it; every changed cell is a decision)", () => {
    const matrix = render(lines, EXPLANATION);
    if (process.env["ROOTKEEP_UPDATE_GOLDEN"] === "1") writeFileSync(GOLDEN, matrix);
    const known = new Set(readFileSync(GOLDEN, "utf8").split("\n"));
    assert.deepEqual(
      matrix.split("\n").filter((line) => !known.has(line)),
      [],
      "lines that are not checked in",
    );
    assert.equal(matrix, readFileSync(GOLDEN, "utf8"));
  });

  it("has every operation, as every role, in every relation, or says why nobody stands so", () => {
    for (const operation of OPERATION_NAMES) {
      const own = lines.filter(({ row }) => row.operation === operation);
      assert.equal(own.length === 0, operation in PUBLIC, operation);
      assert.equal(ruleOf(operation).access === "anyone", operation in PUBLIC, operation);
      for (const role of ROLES) assert.equal(own.filter((line) => line.role === role).length, own.length / ROLES.length, operation);
    }
    for (const line of lines) {
      for (const column of COLUMNS) {
        const why = whyNobody(line, column);
        assert.equal(line.cells[column] === NOBODY, why !== null, `${where(line, column)}: ${String(why)}`);
      }
    }
  });

  it("has every route of the API description and of the running application", () => {
    const { paths } = JSON.parse(readFileSync(join(root, "docs", "openapi.json"), "utf8")) as {
      paths: Record<string, Record<string, { "x-operation": string }>>;
    };
    const described = Object.entries(paths).flatMap(([path, verbs]) =>
      Object.entries(verbs).map(([verb, { "x-operation": operation }]) => `${verb.toUpperCase()} ${path} ${operation}`),
    );
    const live = stage.rest.routes().map(({ verb, path, operation }) => {
      return `${verb} ${path.replaceAll(/:(\w+)/g, "{$1}").replace("*", "{path}")} ${String(operation)}`;
    });
    assert.deepEqual(live.sort(), described.sort());
    const tried = new Set(lines.map(({ row }) => `${row.route} ${edgeOperation(row)}`));
    const isPublic = (route: string): boolean => (route.split(" ")[2] ?? "") in PUBLIC;
    assert.deepEqual(
      [...tried].sort(),
      described.filter((route) => !isPublic(route)),
    );
  });

  it("answers with what a caller may be told, never with a fault", () => {
    const allowed =
      /^(pass|UNAUTHENTICATED|FORBIDDEN|NOT_ALLOWLISTED|SELF_APPROVAL|STEP_UP_REQUIRED|NOT_FOUND|STATE_CONFLICT|APPROVAL_[A-Z]+)$/;
    each(COLUMNS, (cell, line, column) => assert.match(cell, allowed, where(line, column)));
  });

  it("looks at roles first: whoever has only another one gets no further", () => {
    each(["other", "outside"], (cell, line, column) => {
      assert.equal(cell === BY_ROLE, !mayAtEdge(line, line.role), where(line, column));
    });
  });

  it("lets nobody go on who was suspended, and whoever is on no list see more than themselves", () => {
    each(["suspended"], (cell, line, column) => assert.equal(cell, "UNAUTHENTICATED", where(line, column)));
    each(["off list"], (cell, line, column) => {
      const isOwn = accessOf(line) === "person";
      assert.ok(isOwn ? cell === PASS || cell === "NOT_FOUND" : cell === BY_ROLE, where(line, column));
    });
  });

  it("gives nobody who is back what they had before, but what takes away", () => {
    each(["back"], (cell, line, column) => {
      if (line.row.leaver === null || READ_BY_ROLE.has(line.row.operation) || isReadByScope(line.row.operation)) return;
      assert.equal(cell === PASS, PASSES_BACK.has(line.row.operation), where(line, column));
    });
  });

  it("lets nobody decide on himself, or twice", () => {
    each(["asked", "about"], (cell, line, column) => {
      const { operation, step, route } = line.row;
      const isDecision = step !== undefined || /approvals|denials|reviews|suspensions|allowlist.*revocations/.test(route);
      if (isDecision) assert.ok(cell === "SELF_APPROVAL" || cell === BY_ROLE, `${operation} ${where(line, column)}`);
    });
    each(["approver"], (cell, line, column) => {
      if (/approvals|denials/.test(line.row.route)) assert.equal(cell, "STATE_CONFLICT", where(line, column));
    });
  });

  it("ends at the accounts of one's entry, but for reading what is of no account", () => {
    each(["outside"], (cell, line, column) => {
      if (OF_NO_ACCOUNT.includes(line.row.kind) || READ_BY_ROLE.has(line.row.operation)) return;
      assert.equal(cell === PASS, false, where(line, column));
    });
  });

  it("reads out of scope what there is not: one answer for an account of somebody else's entry and for none", () => {
    let count = 0;
    each(["outside"], (cell, line, column) => {
      const { row } = line;
      if (!isReadByScope(row.operation) || OF_NO_ACCOUNT.includes(row.kind) || cell === BY_ROLE) return;
      assert.equal(cell, "NOT_FOUND", where(line, column));
      if (row.id !== undefined && !UNHIDDEN.has(nameOf(row))) assert.equal(line.cells.unknown, cell, where(line, column));
      count++;
    });
    assert.ok(count > 12);
  });

  it("tells nothing of all accounts together to an auditor of some, and lists nobody's but theirs", async () => {
    const { token } = stage.actor("none", "auditor", "outside");
    for (const { row, role, cells } of lines) {
      const isWhole = ruleOf(row.operation).reads === "whole" && row.step === undefined && row.kind === "nothing";
      if (isWhole && role === "auditor") assert.equal(cells.outside === PASS, OF_NO_ENTRY.has(row.route), row.route);
    }
    const { items } = (await send(stage.rest.address, { verb: "GET", path: "/v1/accounts?limit=200", token })).body;
    const accounts = items as readonly { id: string; customer: string }[];
    assert.ok(accounts.length > 0 && accounts.every(({ customer }) => customer === "Elsewhere"));
    for (const role of ["requester", "approver", "auditor"] as const) {
      const reader = stage.actor("none", role, "outside");
      for (const path of ["/v1/requests", "/v1/tickets", ...(role === "requester" ? [] : ["/v1/glass"])]) {
        const list = await send(stage.rest.address, { verb: "GET", path: `${path}?limit=200`, token: reader.token });
        assert.equal(list.status, 200, path);
        const known = new Set(accounts.map(({ id }) => id));
        // A ticket may name no account; of the cast's requests and uses all are about accounts of another customer.
        for (const { accountId = null } of list.body["items"] as readonly { accountId?: string | null }[]) {
          assert.ok(accountId === null || known.has(accountId), `${path} as ${role}`);
        }
        if (path !== "/v1/tickets") assert.deepEqual(list.body["items"], [], `${path} as ${role}`);
      }
    }
  });

  it("hides what is another's: it is as if it were not there", () => {
    each(["other", "outside"], (cell, line, column) => {
      if (line.row.step === undefined && HIDDEN.includes(line.row.operation) && cell !== BY_ROLE) {
        assert.equal(cell, "NOT_FOUND", where(line, column));
        assert.equal(line.cells.unknown, cell, where(line, column));
      }
    });
    each(["unknown"], (cell, line, column) => {
      if (!UNHIDDEN.has(nameOf(line.row))) assert.ok(cell === "NOT_FOUND" || cell === BY_ROLE, where(line, column));
    });
  });

  it("takes no second factor whose time is over, none that was taken, and none for what a leaver asked for or approved", () => {
    each(RELATIONS, (cell, line, column) => assert.notEqual(cell, "STEP_UP_REQUIRED", where(line, column)));
    each(["stale", "used"], (cell, line, column) => assert.equal(cell, "STEP_UP_REQUIRED", where(line, column)));
    each(["orphan"], (cell, line, column) => {
      assert.equal(cell, line.row.orphanOf === "asked" ? "NOT_ALLOWLISTED" : "APPROVAL_REQUIRED", where(line, column));
    });
  });

  it("has no custodian of some accounts only: the allowlist takes none", async () => {
    const { token } = stage.actor("none", "custodian", "other");
    const { personId } = stage.actor("none", "auditor", "other");
    const subject = { personId, role: "custodian", scope: { kind: "customer", values: ["Elsewhere"] } };
    const json = { operation: "allowlist.grant", reason: "of some accounts only", subject };
    assert.equal((await send(stage.rest.address, { verb: "POST", path: "/v1/requests", token, json })).code, "MALFORMED");
  });

  it("does not look at who calls where a call carries its own proof", async () => {
    const tokens = [undefined, "rks_of-nobody", ...LEAVERS.map((leaver) => stage.actor("none", "custodian", leaver).token)];
    for (const { verb, path, operation } of stage.rest.routes()) {
      if (!((operation as string) in PUBLIC)) continue;
      const answers = new Set<string>();
      for (const token of tokens) {
        const sent = { verb, path, ...(token === undefined ? {} : { token }), ...(verb === "GET" ? {} : { json: {} }) };
        const { status, code } = await send(stage.rest.address, sent);
        answers.add(`${String(status)} ${code}`);
      }
      assert.equal(answers.size, 1, `${path}: ${[...answers].join(", ")}`);
      assert.equal([...answers][0]?.endsWith("UNAUTHENTICATED"), false, path);
    }
  });

  it("has cells in every column", () => {
    for (const column of COLUMNS)
      assert.ok(
        lines.some(({ cells }) => cells[column] !== NOBODY),
        column,
      );
    assert.ok(lines.length * RELATIONS.length > 2_000);
  });
});
