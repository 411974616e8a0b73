// A service in a program of its own in which one person approves and opens as often as it is told, with one and the same code.
import type { PgConnection } from "../../src/database/connection.js";
import { DATABASE_ROLES, type DatabaseRole } from "../../src/database/roles.js";
import { isRootkeepError } from "../../src/kernel/errors.js";
import type { Id } from "../../src/kernel/ids.js";
import { Secret } from "../../src/kernel/secret.js";
import { createRootKey } from "../../src/keys/root-keys.service.js";
import type { ActingPerson } from "../../src/people/acting-person.service.js";
import { Vault } from "../support/vault.js";

/** What the program is told first; the code comes with the second message. */
export interface StepTask {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly password: string;
  readonly rootKeyUri: string;
  readonly acting: ActingPerson;
  readonly approve: readonly Id<"request">[];
  /** The grant to open, and how often. */
  readonly open: { readonly grantId: Id<"grant">; readonly times: number };
}

/** What it says: it is ready, or how its calls ended: `won`, or the code of the refusal. */
export type StepWord = { readonly word: "ready" } | { readonly word: "ended"; readonly ends: readonly string[] };

const say = (word: StepWord): void => void process.send?.(word);

async function work(task: StepTask): Promise<void> {
  const { host, port, database, password } = task;
  const service: PgConnection = { host, port, database, user: "rootkeep_service", password: Secret.of(password) };
  const connections = Object.fromEntries(DATABASE_ROLES.map((role) => [role, service])) as Record<DatabaseRole, PgConnection>;
  const vault = await Vault.open({
    database: { name: database, superuser: service, connections, drop: () => Promise.resolve() },
    rootKey: createRootKey(task.rootKeyUri),
  });
  process.once("message", (code) => {
    void callAll(vault, task, String(code)).then((ends) => {
      say({ word: "ended", ends });
    });
  });
  say({ word: "ready" });
}

async function callAll(vault: Vault, { acting, approve, open }: StepTask, code: string): Promise<readonly string[]> {
  const calls: Promise<unknown>[] = [
    ...approve.map((requestId) => vault.requests.approve(acting, requestId, code, "")),
    ...Array.from({ length: open.times }, async () => {
      (await vault.reveals.reveal(acting, open.grantId, "root-password", code)).value.wipe();
    }),
  ];
  const codeOf = (error: unknown): string => (isRootkeepError(error) ? error.code : String(error));
  return await Promise.all(
    calls.map((call) =>
      call.then(
        () => "won",
        (error: unknown) => codeOf(error),
      ),
    ),
  );
}

process.once("disconnect", () => process.exit());
process.once("message", (task) => {
  void work(task as StepTask);
});
