// A service in a program of its own, made to be killed: it opens one grant or imports one file over the database that it is told of. It
// stands still where it is told to, so that SIGKILL meets it exactly there.

import type { WhichVersion } from "../../src/approvals/granted-version.js";
import type { BrakeLimits } from "../../src/approvals/opening-brake.service.js";
import type { PgConnection } from "../../src/database/connection.js";
import { DATABASE_ROLES, type DatabaseRole } from "../../src/database/roles.js";
import { isRootkeepError } from "../../src/kernel/errors.js";
import type { Id } from "../../src/kernel/ids.js";
import { Secret } from "../../src/kernel/secret.js";
import { createRootKey } from "../../src/keys/root-keys.service.js";
import type { ActingPerson } from "../../src/people/acting-person.service.js";
import { Vault } from "../support/vault.js";
import { FaultyRootKey } from "./faulty-root-key.js";

/** What the program is told, by the first message. */
export interface ChildTask {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly password: string;
  readonly rootKeyUri: string;
  readonly acting: ActingPerson;
  readonly act:
    | { readonly grantId: Id<"grant">; readonly which?: WhichVersion }
    | { readonly csv: string }
    | { readonly stage: Id<"account"> }
    | { readonly report: Id<"version"> }
    | { readonly approve: Id<"request"> };
  /** Where it stands still by itself; other places are the proxy's. */
  readonly stopAt: "unwrap" | "unwrapped" | null;
  /** How many calls to the root key pass first. */
  readonly after: number;
  readonly brake?: BrakeLimits;
}

/** What it says: the vault is open, it stands where it was told to stand, or its caller has got the answer. */
export type ChildWord = { readonly word: "ready" | "standing" } | { readonly word: "answered" | "refused"; readonly text: string };

function say(word: ChildWord): void {
  process.send?.(word);
}

async function work(task: ChildTask): Promise<void> {
  const service: PgConnection = {
    host: task.host,
    port: task.port,
    database: task.database,
    user: "rootkeep_service",
    password: Secret.of(task.password),
  };
  const connections = Object.fromEntries(DATABASE_ROLES.map((role) => [role, service])) as Record<DatabaseRole, PgConnection>;
  const rootKey = new FaultyRootKey(createRootKey(task.rootKeyUri));
  const vault = await Vault.open({
    database: { name: task.database, superuser: service, connections, drop: () => Promise.resolve() },
    rootKey,
    ...(task.brake === undefined ? {} : { brake: task.brake }),
  });
  let left = task.after;
  const stand = (): Promise<void> | void => {
    if (left-- > 0) return;
    say({ word: "standing" });
    return new Promise(() => undefined);
  };
  if (task.stopAt === "unwrap") rootKey.beforeUnwrap = stand;
  if (task.stopAt === "unwrapped") rootKey.afterUnwrap = stand;
  // The second factor comes with the word to go: it would be stale if it had waited for the start.
  process.once("message", (code) => {
    act(vault, task, String(code)).catch((error: unknown) => {
      if (!isRootkeepError(error)) throw error;
      say({ word: "refused", text: error.code });
    });
  });
  say({ word: "ready" });
}

async function act(vault: Vault, { act: wanted, acting }: ChildTask, code: string): Promise<void> {
  if ("csv" in wanted) {
    const report = await vault.imports.run(acting, Buffer.from(wanted.csv), { onError: "reject", fromLine: 1 });
    say({ word: "answered", text: String(report.imported) });
    return;
  }
  if ("stage" in wanted) {
    say({ word: "answered", text: (await vault.candidates.stage(acting, wanted.stage, "root-password")).versionId });
    return;
  }
  if ("report" in wanted) {
    say({ word: "answered", text: (await vault.reports.report(acting, wanted.report, "applied")).state });
    return;
  }
  if ("approve" in wanted) {
    say({ word: "answered", text: (await vault.requests.approve(acting, wanted.approve, code, "")).state });
    return;
  }
  const { grantId, which = "current" } = wanted;
  const { value, intent, outcomeSeq } = await vault.reveals.reveal(acting, grantId, "root-password", code, null, which);
  const text = value.expose((bytes) => bytes.toString("utf8"));
  say({ word: "answered", text: JSON.stringify({ text, seq: intent.seq, eventId: intent.eventId, outcomeSeq }) });
}

// The parent kills it or lets it go; a parent that is gone takes it along.
process.once("disconnect", () => process.exit());
process.once("message", (task) => {
  void work(task as ChildTask);
});
