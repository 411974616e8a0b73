// The real services over rows in memory, with a clock that stands where it is put. Doubles: the database, the log's chain, root keys and
// ciphers. Real: every decision about people, policies, requests, grants and openings, and the transaction runner below them.
import { createHash } from "node:crypto";
import { AccountRow } from "../../../src/accounts/account.entity.js";
import { AccessGrant } from "../../../src/approvals/access-grant.entity.js";
import { CATALOGUE } from "../../../src/approvals/catalogue.js";
import { revokeGrantsOf } from "../../../src/approvals/end-grant.service.js";
import { OpeningBrake } from "../../../src/approvals/opening-brake.service.js";
import { peopleActs } from "../../../src/approvals/people-acts.service.js";
import { policyActs } from "../../../src/approvals/policy-acts.service.js";
import { PolicyBookRow } from "../../../src/approvals/policy-book.entity.js";
import { revealAct } from "../../../src/approvals/reveal-act.service.js";
import { TicketLooks } from "../../../src/approvals/ticket-looks.service.js";
import { draftEntry, SYSTEM_ACTOR } from "../../../src/audit/draft.js";
import { Transactions } from "../../../src/audit/transactions.service.js";
import { RootkeepError } from "../../../src/kernel/errors.js";
import { type Id, newId } from "../../../src/kernel/ids.js";
import { Secret } from "../../../src/kernel/secret.js";
import { Pager } from "../../../src/notices/pager.service.js";
import { Allowlist } from "../../../src/people/allowlist.service.js";
import { CutRule } from "../../../src/people/cut-rule.js";
import { Enrolment } from "../../../src/people/enrolment.service.js";
import { LapseRule } from "../../../src/people/lapse.js";
import { People } from "../../../src/people/people.service.js";
import { Sessions } from "../../../src/people/sessions.service.js";
import { StepUp } from "../../../src/people/step-up.service.js";
import { RevealSecret } from "../../../src/secrets/reveal-secret.service.js";
import { SecretRow } from "../../../src/secrets/secret.entity.js";
import { NO_CANDIDATE, SecretVersion } from "../../../src/secrets/secret-version.entity.js";
import { waiveAct } from "../../../src/secrets/waive-act.service.js";
import { ToldSystem } from "../../../src/tickets/post-ticket-update.service.js";
import { TicketCheck } from "../../../src/tickets/ticket-check.service.js";
import { compileTicketPattern } from "../../../src/tickets/ticket-reference.js";
import { WatchedGlass, WatchedGrants, WatchedRequests, WatchedSecrets } from "../../support/unscoped.js";
import type { Engine, Factor, Founder, LoggedEntry, ModelAccount, Services } from "./engine.js";
import { seatFounders } from "./founders.js";
import { MemoryDatabase } from "./memory-database.js";
import { MemoryLog } from "./memory-log.js";
import { type BrakeOfWorld, DAY, type Fate, SESSION_SECONDS, VOUCHED_DAYS } from "./world.js";

const SEALED = Buffer.from("sealed");
const TAG = Buffer.alloc(32);
/** Tags of rows: nobody forges rows here, so the cheapest. */
const RECORDS = {
  mac: () => TAG,
  tokenHash: (token: string) => createHash("sha256").update(token).digest(),
};

export class MemoryEngine implements Engine {
  readonly services: Services;
  founders!: readonly [Founder, Founder];
  #nowMs = Date.UTC(2026, 0, 5);
  readonly #database: MemoryDatabase;
  readonly #log: MemoryLog;
  #fate: Fate = "sent";
  #reached: () => void = () => undefined;
  readonly #on = { signing: true, paging: true, skewed: false };

  private constructor(brake: BrakeOfWorld) {
    this.#database = new MemoryDatabase((sql, parameters) => this.#answer(sql, parameters));
    this.#log = new MemoryLog(() => this.#nowMs);
    this.services = this.#compose({ person: brake.person, deployment: brake.deployment, windowMinutes: brake.minutes });
  }

  /** An engine whose log holds nothing but its founders. */
  static async open(brake: BrakeOfWorld): Promise<MemoryEngine> {
    const engine = new MemoryEngine(brake);
    engine.founders = await seatFounders(engine);
    return engine;
  }

  begin(): Promise<number> {
    return Promise.resolve(this.#nowMs);
  }

  moveTo(ms: number): Promise<void> {
    this.#nowMs = ms;
    return Promise.resolve();
  }

  newFactor(): Promise<Factor> {
    // A code is the number of its time step, and so is what is sealed of it.
    return Promise.resolve({ sealed: SEALED, dataKeyId: "dk", app: { next: () => Promise.resolve(String(this.#nowMs / 1000)) } });
  }

  async newAccounts(count: number): Promise<readonly ModelAccount[]> {
    const now = new Date(this.#nowMs);
    const accounts = Array.from({ length: count }, () => ({
      id: newId("account"),
      passwordVersion: newId("version"),
      password: newId("version"),
    }));
    await this.services.transactions.run((tx) => {
      for (const [index, { id, passwordVersion }] of accounts.entries()) {
        const facts = { awsId: String(100_000_000_000 + index), partition: "aws", kind: "standalone", customer: "Acme", tags: "{}" };
        tx.insert(AccountRow, {
          id,
          ...facts,
          rootEmail: "root@example.com",
          state: "active",
          custody: null,
          organizationId: null,
          contacts: null,
          checkoutGrantId: null,
          createdAt: now,
        });
        for (const kind of ["root-password", "mfa-seed"] as const) {
          const secretId = newId("secret");
          tx.insert(SecretRow, { id: secretId, accountId: id, kind, createdAt: now });
          tx.insert(SecretVersion, {
            ...{ id: kind === "root-password" ? passwordVersion : newId("version"), secretId, number: 1, state: "ACTIVE" },
            ...{ exposure: "EXPOSED", dataKeyId: "dk" as Id<"dataKey">, lastStep: null, createdAt: now, ...NO_CANDIDATE },
            sealedSha256: createHash("sha256").update(SEALED).digest(),
          });
          // Staged and never shown: a rotation is not granted without one, and the model opens what is current.
          if (kind === "root-password") {
            tx.insert(SecretVersion, {
              ...{ id: newId("version"), secretId, number: 2, state: "STAGED", exposure: "CLEAN", lastStep: null, createdAt: now },
              ...{ dataKeyId: "dk" as Id<"dataKey">, ...NO_CANDIDATE, ready: true },
              sealedSha256: createHash("sha256").update(SEALED).digest(),
            });
          }
        }
      }
      return Promise.resolve({ result: undefined, entries: [{ draft: changed() }] });
    });
    this.#passwords = new Map([
      ...this.#passwords,
      ...accounts.map(({ passwordVersion, password }) => [passwordVersion, password] as const),
    ]);
    return accounts;
  }
  #passwords: ReadonlyMap<string, string> = new Map();

  size(): Promise<number> {
    return Promise.resolve(this.#log.knownSize());
  }

  entries(from: number): Promise<readonly LoggedEntry[]> {
    return Promise.resolve(this.#log.entries.slice(from));
  }

  set(name: "signing" | "paging" | "skewed", on: boolean): void {
    this.#on[name] = on;
  }

  async meet<T>(fate: Fate, open: (services: Services) => Promise<T>): Promise<T | "crash"> {
    this.#fate = fate;
    this.#log.isWritable = fate !== "unwritable";
    const died = new Promise<"crash">((resolve) => {
      this.#reached = () => resolve("crash");
    });
    try {
      return await Promise.race([open(this.services), died]);
    } finally {
      this.#fate = "sent";
      this.#log.isWritable = true;
    }
  }

  /** What the root key does when it is asked. */
  async #unwrapped(): Promise<void> {
    if (this.#fate === "key-fails") throw new RootkeepError("KEY_UNAVAILABLE", { reason: "by test" });
    if (this.#fate === "outcome-lost" || this.#fate === "cut") this.#log.isWritable = false;
    if (this.#fate !== "crash") return;
    // Nobody ever hears again of this call, nor of what it had in memory.
    this.#reached();
    await new Promise(() => undefined);
  }

  #compose(brake: { person: number; deployment: number; windowMinutes: number }): Services {
    const { dataSource } = this.#database;
    const log = this.#log.asAuditLog;
    const transactions = new Transactions(dataSource, this.#log.asPort, RECORDS);
    transactions.lend(CutRule, { cutSeq: null });
    transactions.lend(LapseRule, { periodSeconds: VOUCHED_DAYS * DAY, newest: null });
    const failures = { assertMayTry: () => Promise.resolve(false), note: () => Promise.resolve(), clear: () => Promise.resolve() };
    const seal = { checkCode };
    const stepUp = new StepUp(seal as never, failures as never, { periodSeconds: 1 });
    const leaving = { revokeGrantsOf };
    const [allowlist, people] = [new Allowlist(transactions, leaving), new People(transactions, leaving)];
    const enrolment = new Enrolment(dataSource, transactions, RECORDS as never, seal as never, {
      deployment: "test",
      periodSeconds: 1,
      waitSeconds: 0,
    });
    const secrets = new WatchedSecrets(transactions, log);
    const reveal = revealAct(CATALOGUE, secrets);
    const acts = [
      reveal,
      waiveAct(log),
      ...peopleActs(people, enrolment, allowlist, {} as never, { identities: {} as never, issuer: null }),
      ...policyActs(CATALOGUE),
    ];
    const ticketPattern = compileTicketPattern("INC-[0-9]+");
    transactions.lend(ToldSystem, new ToldSystem(null, { isApproved: () => true, areTold: () => false }));
    const tickets = new TicketLooks(transactions, new TicketCheck(null, { every: ticketPattern, glass: ticketPattern }), {
      assertApproved: () => undefined,
    });
    const requests = new WatchedRequests(transactions, stepUp, acts, { logOrigin: "model", tickets });
    const send = (): Promise<void> => (this.#on.paging ? Promise.resolve() : Promise.reject(new RootkeepError("UNAVAILABLE")));
    const channel = { name: "webhook", isPersonal: false, send } as const;
    const glass = new WatchedGlass(transactions, stepUp, new Pager([channel], {} as never, { deployment: "test", publicUrl: null }));
    const grants = new WatchedGrants(transactions, stepUp, reveal, new OpeningBrake(log, transactions, brake), glass, tickets);
    const provider = { issuer: null, assertStands: () => Promise.resolve() };
    const limits = { idleSeconds: SESSION_SECONDS, absoluteSeconds: SESSION_SECONDS };
    const sessions = new Sessions(dataSource, transactions, RECORDS as never, provider, limits);
    return { transactions, requests, grants, glass, reveals: this.#reveals(transactions, grants), people, allowlist, sessions };
  }

  #reveals(transactions: Transactions, grants: WatchedGrants): RevealSecret {
    const opened = async (text: string) => {
      await this.#unwrapped();
      return { value: Secret.of(Buffer.from(text)), requestId: null };
    };
    const keys = {
      open: (row: { readonly versionId: string }) => opened(this.#passwords.get(row.versionId) ?? ""),
      openCode: () => opened("123456"),
    };
    const coverage = {
      assertSigning: () => (this.#on.signing ? Promise.resolve() : Promise.reject(new RootkeepError("AUDIT_UNAVAILABLE"))),
      cover: () => Promise.resolve(null),
    };
    const clock = { now: () => new Date(this.#nowMs + (this.#on.skewed ? 10_000 : 0)) };
    const trust = { assertMayOpen: () => undefined } as never;
    const { dataSource } = this.#database;
    const log = this.#log.asAuditLog;
    const dataKeys = { byId: () => Promise.resolve({}) };
    const settings = { clock, demandsDeliveryKey: false };
    return new RevealSecret(dataSource, transactions, log, grants, trust, keys as never, dataKeys as never, coverage, settings);
  }

  /** The statements that go past the rows. */
  #answer(sql: string, [first]: readonly unknown[]): unknown[] {
    if (sql.startsWith("SELECT clock_timestamp()")) return [{ now: new Date(this.#nowMs) }];
    if (sql.startsWith("INSERT INTO notices.notice")) return [];
    if (sql.startsWith("SELECT max(id) AS id FROM approvals.policy_book")) {
      return [{ id: [...this.#database.table(PolicyBookRow).keys()].sort().at(-1) ?? null }];
    }
    if (sql.startsWith("SELECT id FROM approvals.access_grant")) {
      const grants = [...this.#database.table(AccessGrant).values()] as AccessGrant[];
      return grants.filter(({ state, versions }) => state === "OPEN" && versions.includes(String(first))).map(({ id }) => ({ id }));
    }
    if (sql.startsWith("SELECT sealed FROM secrets.sealed_value")) return [{ sealed: SEALED }];
    throw new Error("a statement that memory does not know");
  }
}

function changed() {
  return draftEntry({ action: "account.changed", outcome: "committed", actor: SYSTEM_ACTOR });
}

/** The time step that a code names, if it is of now and later than the last. */
function checkCode(attempt: { readonly code: string; readonly unixSeconds: number; readonly afterStep: number | null }): number | null {
  const step = Number(attempt.code);
  return Math.abs(step - attempt.unixSeconds) <= 1 && step > (attempt.afterStep ?? -1) ? step : null;
}
