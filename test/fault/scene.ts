// What the bad days have in common: a vault with people and accounts, every plaintext that a caller got, and the one question that is
// asked after each of them: is the log whole, and does it tell of everything that came out?
import assert from "node:assert/strict";
import { ChainVerifier } from "../../src/audit/chain-verifier.js";
import { draftEntry, SYSTEM_ACTOR } from "../../src/audit/draft.js";
import { isRootkeepError } from "../../src/kernel/errors.js";
import type { Id } from "../../src/kernel/ids.js";
import type { Revealed } from "../../src/secrets/reveal-secret.service.js";
import { SecretRow } from "../../src/secrets/secret.entity.js";
import { SecretVersion } from "../../src/secrets/secret-version.entity.js";
import { Sweeper } from "../../src/secrets/sweeper.service.js";
import { Log } from "../../src/telemetry/log.service.js";
import { AuthenticatorApps } from "../support/authenticator-app.js";
import { type TestDatabase, withClient } from "../support/postgres.js";
import { insertAuthenticators, newAuthenticators } from "../support/seeded-authenticators.js";
import { type Actor, Vault, type VaultOptions } from "../support/vault.js";

/** An entry as these tests look at it. */
export interface LoggedEntry {
  readonly seq: number;
  readonly id: string;
  readonly action: string;
  readonly outcome: string;
  readonly target?: { readonly type: string; readonly id: string };
  readonly request?: { readonly id: string; readonly grant?: string };
  readonly details?: Readonly<Record<string, unknown>>;
}

/** A plaintext that left the service, and what its caller was told about it. */
export interface Received {
  readonly text: string;
  readonly grantId: Id<"grant">;
  readonly kind: string;
  readonly intent: { readonly seq: number; readonly eventId: string };
  readonly outcomeSeq: number;
}

export interface SceneOptions {
  readonly accounts: number;
  /** Authenticators of the holder, all alike: so that many calls can come at once, each with a second factor valid on its own. */
  readonly authenticators?: number;
  readonly vault?: VaultOptions;
}

export class Scene {
  /** Every plaintext that any caller got. */
  readonly received: Received[] = [];
  #nextAccount = 0;

  private constructor(
    readonly vault: Vault,
    readonly holder: Actor,
    readonly approvers: readonly [Actor, Actor],
    readonly accounts: readonly Id<"account">[],
  ) {}

  static async open({ vault: options = {}, ...wanted }: SceneOptions): Promise<Scene> {
    const vault = await Vault.open(options);
    try {
      return await Scene.#set(vault, wanted);
    } catch (error) {
      // Its connections would keep the test's program from ending.
      await vault.drop();
      throw error;
    }
  }

  static async #set(vault: Vault, { accounts, authenticators = 20 }: SceneOptions): Promise<Scene> {
    const [ada, ben] = await vault.found();
    vault.custodians = [await withMore(vault, ada, 8), await withMore(vault, ben, 12)];
    const rita = await vault.enrol("Rita Requester", ["requester"]);
    const alan = await vault.enrol("Alan Approver", ["approver"]);
    const anna = await vault.enrol("Anna Approver", ["approver"]);
    const ids: Id<"account">[] = [];
    if (accounts > 0) {
      const csv = csvOf(Array.from({ length: accounts }, (_, index) => index));
      await vault.imports.run(vault.custodians[0], csv, { onError: "reject", fromLine: 1 });
      const rows = await vault.accounts.list("", accounts);
      ids.push(...rows.sort((one, other) => (one.awsId < other.awsId ? -1 : 1)).map(({ id }) => id as Id<"account">));
    }
    const approvers = [await withMore(vault, alan, 20), await withMore(vault, anna, 8)] as const;
    return new Scene(vault, await withMore(vault, rita, authenticators), approvers, ids);
  }

  get custodian(): Actor {
    const custodian = this.vault.custodians?.[0];
    assert.ok(custodian);
    return custodian;
  }

  /** An account that no scenario has used. */
  account(): { id: Id<"account">; password: string } {
    const index = this.#nextAccount++;
    const id = this.accounts[index];
    assert.ok(id, "the scene has too few accounts");
    return { id, password: passwordOf(index) };
  }

  /** A grant for an account of its own, approved by one other person. */
  async granted(): Promise<{ grantId: Id<"grant">; requestId: Id<"request">; accountId: Id<"account">; password: string }> {
    const { id, password } = this.account();
    return { ...(await this.vault.grant(this.holder, [this.approvers[0]], id)), accountId: id, password };
  }

  /** Opens a grant's password, as the service behind `vault` does it, and remembers what came out. */
  async open(grantId: Id<"grant">, vault: Vault = this.vault, code?: string): Promise<string> {
    const revealed = await vault.reveals.reveal(this.holder, grantId, "root-password", code ?? (await this.holder.app.next()));
    return this.keep(grantId, revealed);
  }

  /** Remembers a plaintext that somebody got. */
  keep(grantId: Id<"grant">, { value, kind, intent, outcomeSeq }: Revealed): string {
    const text = value.expose((bytes) => bytes.toString("utf8"));
    this.received.push({ text, grantId, kind, intent: { seq: intent.seq, eventId: intent.eventId }, outcomeSeq });
    return text;
  }

  /** How exposed the password of an account is: `BURNT` when a person saw it here, or may have. */
  async exposure(accountId: Id<"account">, vault: Vault = this.vault): Promise<string> {
    return await vault.transactions.peek(async (tx) => {
      const [secret] = await tx.readAll(SecretRow, { accountId, kind: "root-password" });
      const versions = secret === undefined ? [] : await tx.readAll(SecretVersion, { secretId: secret.id });
      return versions.map(({ exposure }) => exposure).join();
    });
  }

  /** The entries of a grant's openings, oldest first. */
  async openingsOf(grantId: Id<"grant">): Promise<LoggedEntry[]> {
    const entries = await this.assertWhole();
    const intents = entries.filter(({ outcome, request }) => outcome === "intent" && request?.grant === grantId).map(({ id }) => id);
    return entries.filter(({ id, details }) => intents.includes(id) || intents.includes(String(details?.["intent"])));
  }

  /** The question. @returns all entries. */
  async assertWhole(): Promise<LoggedEntry[]> {
    assert.deepEqual(
      this.vault.alarms.filter(({ kind }) => kind !== "append-failed"),
      [],
    );
    return await assertWhole(this.vault.database, this.received);
  }

  async drop(): Promise<void> {
    await this.vault.drop();
  }
}

/**
 * The log verifies from its first entry to the head; every intent has one outcome at most; every plaintext that somebody got has an
 * intent and an outcome `allowed`; and no grant gave out one version's value twice.
 */
export async function assertWhole(database: TestDatabase, received: readonly Received[] = []): Promise<LoggedEntry[]> {
  const { rows, head } = await withClient(database.superuser, async (client) => {
    // One statement, one snapshot: entries and head belong together.
    const found = await client.query<{ entry: Buffer; size: string; last_leaf: Buffer }>(
      "SELECT e.entry, h.size, h.last_leaf FROM audit.entry e CROSS JOIN audit.head h ORDER BY e.seq",
    );
    return { rows: found.rows.map(({ entry }) => entry), head: found.rows[0] };
  });
  const verifier = new ChainVerifier();
  const findings = rows.flatMap((bytes) => verifier.add(bytes).findings);
  assert.deepEqual([...findings, ...verifier.finish(head?.last_leaf.toString("hex"))], []);
  assert.equal(rows.length, Number(head?.size));
  assert.equal(verifier.lastLeaf, head?.last_leaf.toString("hex"));

  const entries = rows.map((bytes) => JSON.parse(bytes.toString("utf8")) as LoggedEntry);
  const outcomes = entries.filter(({ details }) => typeof details?.["intent"] === "string");
  const intents = new Set(entries.filter(({ outcome }) => outcome === "intent").map(({ id }) => id));
  assert.equal(new Set(outcomes.map(({ details }) => details?.["intent"])).size, outcomes.length, "an intent has two outcomes");
  for (const { details } of outcomes) assert.ok(intents.has(details?.["intent"] as string), "an outcome has no intent");
  for (const { intent, outcomeSeq, grantId } of received) {
    const [began, ended] = [entries[intent.seq], entries[outcomeSeq]];
    assert.deepEqual([began?.id, began?.outcome, began?.request?.grant], [intent.eventId, "intent", grantId]);
    assert.deepEqual([ended?.details?.["intent"], ended?.outcome], [intent.eventId, "allowed"]);
  }
  const opened = received.map(({ intent }) => intent.eventId);
  assert.equal(new Set(opened).size, opened.length, "one opening gave out two plaintexts");
  const reveals = received.filter(({ kind }) => kind === "root-password").map(({ grantId }) => grantId);
  assert.equal(new Set(reveals).size, reveals.length, "one grant opened twice");
  return entries;
}

/** The actor with `count` more authenticators, all usable at once. Inserted as the enrolment does it, without its 24 hours. */
export async function withMore(vault: Vault, actor: Actor, count: number): Promise<Actor> {
  const made = await newAuthenticators(vault.people.seal, actor, count);
  await vault.transactions.run(async (tx) => {
    insertAuthenticators(tx, actor.personId, made, await tx.clock());
    return {
      result: undefined,
      entries: [{ draft: draftEntry({ action: "account.changed", outcome: "committed", actor: SYSTEM_ACTOR }) }],
    };
  });
  return { ...actor, app: new AuthenticatorApps(made.map(({ otpauth }) => otpauth)) };
}

/**
 * What a test file has opened, closed in the reverse order. A file whose set-up fails half way must close the first half: an open
 * connection or socket would keep its program from ending.
 */
export class Closing {
  readonly #steps: (() => Promise<void>)[] = [];

  add(step: () => Promise<void>): void {
    this.#steps.push(step);
  }

  async close(): Promise<void> {
    for (const step of this.#steps.reverse()) await step();
  }
}

/** The sweeper of a vault, for which an hour has passed: what was begun before counts as cut off. */
export function sweeperOf({ requests, grants, imports, addresses, doubts, log }: Vault): Sweeper {
  const inAnHour = { now: () => new Date(Date.now() + 3_600_000) };
  return new Sweeper(requests, grants, imports, addresses, doubts, log, new Log({ write: () => undefined }), inAnHour);
}

/** What became of calls that were made at once: how many went through, and how often each code refused the others. */
export async function race<T>(calls: readonly (() => Promise<T>)[]): Promise<{ won: T[]; refused: Record<string, number> }> {
  const settled = await Promise.allSettled(calls.map((call) => call()));
  const refused: Record<string, number> = {};
  const won: T[] = [];
  for (const result of settled) {
    if (result.status === "fulfilled") won.push(result.value);
    else {
      // A refusal is one of the closed table; anything else is a bug and shows itself.
      if (!isRootkeepError(result.reason) || result.reason.code === "INTERNAL") throw result.reason;
      const { code } = result.reason;
      refused[code] = (refused[code] ?? 0) + 1;
    }
  }
  return { won, refused };
}

/** AWS id of the `index`-th account of a scene. */
export function awsIdOf(index: number): string {
  return String(200_000_000_000 + index);
}

export function passwordOf(index: number): string {
  return `Tr0ub4dor-and-${String(index)}-horses`;
}

/** A file with the accounts of `indexes`, one a line, from line 2 on. */
export function csvOf(indexes: readonly number[]): Buffer {
  const lines = indexes.map(
    (index) =>
      `${awsIdOf(index)},aws,standalone,Acme,root-${awsIdOf(index)}@example.com,${passwordOf(index)},GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ`,
  );
  return Buffer.from(`${["aws_account_id,partition,kind,customer,root_email,password,mfa_seed", ...lines].join("\n")}\n`);
}
