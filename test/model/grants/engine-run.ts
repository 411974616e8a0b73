// One history on the real engine: each event done as people do it, and what the log tells of it afterwards.
import assert from "node:assert/strict";
import { currentBook } from "../../../src/approvals/policies.service.js";
import { policyHash } from "../../../src/approvals/policy.js";
import type { RequestBody } from "../../../src/approvals/request-body.js";
import { draftEntry, SYSTEM_ACTOR } from "../../../src/audit/draft.js";
import { isRootkeepError } from "../../../src/kernel/errors.js";
import { type Id, newId } from "../../../src/kernel/ids.js";
import type { ActingPerson } from "../../../src/people/acting-person.service.js";
import type { Scope } from "../../../src/people/scope.js";
import type { Revealed } from "../../../src/secrets/reveal-secret.service.js";
import { formOf } from "../../support/vault.js";
import type { Engine, Founder, LoggedEntry, ModelAccount, Services } from "./engine.js";
import type { Fact } from "./facts.js";
import { insertFactor, openSessions, type Seat, seat } from "./founders.js";
import { factsOf, type Names } from "./read-log.js";
import { CUSTODIAN, type ModelEntry, type ModelEvent, POLICIES, PURPOSES, SESSION_SECONDS, WAIT_SECONDS, type World } from "./world.js";

interface Member extends Omit<Seat, "app"> {
  app: Seat["app"];
  sessionId: Id<"session">;
}

interface AskedFor {
  readonly id: Id<"request">;
  readonly body: RequestBody;
  grantId: Id<"grant"> | null;
}

const KINDS = { password: "root-password", code: "mfa-seed" } as const;

export class EngineRun {
  readonly facts: Fact[] = [];
  readonly #asked: AskedFor[] = [];
  #read = 0;
  #foundersSince: number;

  private constructor(
    private readonly engine: Engine,
    private readonly startMs: number,
    private readonly members: readonly Member[],
    private readonly accounts: readonly ModelAccount[],
    private founders: readonly Founder[],
  ) {
    this.#foundersSince = startMs;
  }

  /** The people and accounts of a world, put into the engine. */
  static async begin(engine: Engine, world: World): Promise<EngineRun> {
    const startMs = await engine.begin();
    await engine.moveTo(startMs);
    const accounts = await engine.newAccounts(world.accounts);
    const people = world.people.map(({ team, waits, entries }) => ({
      ...{ team, waits },
      entries: entries.map(({ role, account, days }) => ({ role, days, scope: scopeOf(accounts, account) })),
    }));
    const members: Member[] = await openSessions(engine.services, await seat(engine, people));
    const run = new EngineRun(engine, startMs, members, accounts, await openSessions(engine.services, engine.founders));
    run.#read = await engine.size();
    return run;
  }

  /** Tries `event` in the second `now`. `did` is what the model says has happened by it. @returns `ok`, or the code of the refusal. */
  async try(event: ModelEvent, now: number, did: readonly Fact[]): Promise<string> {
    await this.engine.moveTo(this.startMs + now * 1000);
    await this.#refreshFounders(this.startMs + now * 1000);
    let received: Revealed | undefined;
    let code = "ok";
    try {
      if (event.do === "open") {
        const result = await this.#open(event);
        if (result === "crash") code = "CRASH";
        else received = result;
      } else await this.#act(event, did);
    } catch (error) {
      if (!isRootkeepError(error)) throw error;
      if (error.code === "INTERNAL") throw error;
      code = error.code;
    }
    await this.#readLog(event, now, received);
    return code;
  }

  async #act(event: ModelEvent, did: readonly Fact[]): Promise<void> {
    switch (event.do) {
      case "submit":
        await this.#submit(event);
        return;
      case "approve":
      case "deny":
      case "withdraw":
      case "return":
      case "revoke":
        await this.#onRequest(event);
        return;
      case "sweep":
        await this.#services.requests.sweep();
        await this.#services.grants.sweep();
        return;
      case "signing":
      case "paging":
      case "skewed":
        this.engine.set(event.do, event.on);
        return;
      case "policy":
        await this.#setPolicy(event.account, event.policy);
        return;
      case "waive":
        await this.#decide("secret.waive", { versionId: this.accounts[event.account]!.passwordVersion });
        return;
      case "review":
        await this.#review(event.account);
        return;
      case "wait":
      case "wait-for":
      case "open":
        return;
      default:
        await this.#changePerson(event, did);
        return;
    }
  }

  async #submit({ who, account, purpose, kinds, codesTo, glass, minutes }: Extract<ModelEvent, { do: "submit" }>): Promise<void> {
    const { requestId } = await this.#services.requests.submit(this.#acting(who), {
      ...formOf({ operation: "secret.reveal", accountId: this.accounts[account]!.id, purpose: PURPOSES[purpose]!.slug, ticket: "INC-42" }),
      ...{ kinds: kinds.map((kind) => KINDS[kind]), minutes, breakGlass: glass },
      holders: codesTo === null ? {} : { [KINDS.code]: this.members[codesTo]!.personId },
    });
    const { body } = await this.#services.requests.read(requestId);
    this.#asked.push({ id: requestId, body, grantId: null });
  }

  async #onRequest(event: Extract<ModelEvent, { do: "approve" | "deny" | "withdraw" | "return" | "revoke" }>): Promise<void> {
    const { requests, grants } = this.#services;
    const asked = this.#asked[event.request % this.#asked.length]!;
    const acting = this.#acting(event.who);
    switch (event.do) {
      case "approve": {
        const code = await this.members[event.who]!.app.next();
        const { state } = await requests.approve(acting, asked.id, code, "");
        if (state === "APPROVED") asked.grantId = (await requests.read(asked.id)).grantId;
        return;
      }
      case "deny":
        await requests.deny(acting, asked.id, "not now");
        return;
      case "withdraw":
        await requests.withdraw(acting, asked.id, "not needed");
        return;
      case "return":
        await grants.giveBack(acting, asked.grantId!);
        return;
      case "revoke":
        await grants.revoke(acting, asked.grantId!);
        return;
    }
  }

  async #open({ who, request, kind, fate }: Extract<ModelEvent, { do: "open" }>): Promise<Revealed | "crash"> {
    const { grantId } = this.#asked[request % this.#asked.length]!;
    const acting = this.#acting(who);
    const code = await this.members[who]!.app.next();
    return await this.engine.meet(fate, async ({ reveals }) =>
      kind === "password" ? await reveals.reveal(acting, grantId!, KINDS.password, code) : await reveals.code(acting, grantId!, code),
    );
  }

  async #changePerson(
    event: Extract<ModelEvent, { who: number; do: "sign-in" | "suspend" | "restore" | "reset" | "take-off" | "allow" | "team" }>,
    did: readonly Fact[],
  ): Promise<void> {
    const { people, allowlist } = this.#services;
    const member = this.members[event.who]!;
    const { personId } = member;
    switch (event.do) {
      case "sign-in":
        member.sessionId = (await openSessions(this.#services, [member]))[0]!.sessionId;
        return;
      case "suspend":
        await people.suspend(personId, this.founders[0]!.personId);
        return;
      case "restore":
        await this.#decide("person.restore", { personId });
        return;
      case "team":
        await this.#decide("person.team", { personId, team: event.team });
        return;
      case "reset":
        await this.#decide("authenticator.reset", { personId });
        await this.#giveFactor(member);
        return;
      case "take-off": {
        const off = did.find((fact) => fact.fact === "taken-off");
        await allowlist.revoke(member.entryIds[off?.which ?? 0]!, this.founders[0]!.personId);
        return;
      }
      case "allow": {
        const { role, account, days } = event.entry;
        await this.#decide("allowlist.grant", { personId, role, scope: scopeOf(this.accounts, account), validDays: days });
        const granted = (await this.#newEntries()).find(({ action }) => action === "allowlist.grant");
        member.entryIds.push(granted?.target?.id as Id<"allowlist">);
        return;
      }
    }
  }

  /** A new second factor, as enrolling ends with it; it waits like any other. */
  async #giveFactor(member: Member): Promise<void> {
    const id = newId("authenticator");
    const factor = await this.engine.newFactor(member.personId, id);
    await this.#services.transactions.run(async (tx) => {
      insertFactor(tx, member.personId, id, factor, await tx.clock(), WAIT_SECONDS);
      return {
        result: undefined,
        entries: [{ draft: draftEntry({ action: "account.changed", outcome: "committed", actor: SYSTEM_ACTOR }) }],
      };
    });
    member.app = factor.app;
  }

  async #setPolicy(account: number, policy: number): Promise<void> {
    const { id } = this.accounts[account]!;
    const name = `p-${id.slice(4).toLowerCase()}`;
    const known = (await this.#services.transactions.peek((tx) => currentBook(tx))).policies.find((one) => one.name === name);
    const replaces = known === undefined ? null : policyHash(known);
    const terms = { name, purposes: "all", scope: { kind: "account", values: [id] }, ...POLICIES[policy] };
    await this.#decide("policy.change", { name, policy: policy === 0 ? null : terms, replaces });
  }

  async #review(account: number): Promise<void> {
    const use = (await this.#services.glass.list()).find(
      ({ accountId, state }) => accountId === this.accounts[account]!.id && state === "OPEN",
    );
    assert.ok(use);
    await this.#services.glass.review(this.founders[0]!, use.id, await this.founders[0]!.app.next(), "looked at what was opened, and why");
  }

  /** What one founder asks for and the other approves. */
  async #decide(operation: Parameters<typeof formOf>[0]["operation"], subject: Readonly<Record<string, unknown>>): Promise<void> {
    const [ada, ben] = this.founders;
    const { requestId } = await this.#services.requests.submit(ada!, formOf({ operation, subject }));
    await this.#services.requests.approve(ben!, requestId, await ben!.app.next(), "");
  }

  /** Takes the account's policies away again: books of a database that many histories share would grow. */
  async end(now: number): Promise<void> {
    await this.engine.moveTo(this.startMs + now * 1000);
    for (const name of ["signing", "paging"] as const) this.engine.set(name, true);
    this.engine.set("skewed", false);
    const { policies } = await this.#services.transactions.peek((tx) => currentBook(tx));
    for (const [index, { id }] of this.accounts.entries()) {
      if (!policies.some(({ name }) => name === `p-${id.slice(4).toLowerCase()}`)) continue;
      await this.engine.moveTo(this.startMs + (now + 10 + index) * 1000);
      await this.#refreshFounders(this.startMs + now * 1000);
      await this.#setPolicy(index, 0);
    }
  }

  get #services(): Services {
    return this.engine.services;
  }

  #acting(who: number): ActingPerson {
    return who === CUSTODIAN ? this.founders[0]! : this.members[who]!;
  }

  /** The founders' sessions are nobody's concern here. */
  async #refreshFounders(nowMs: number): Promise<void> {
    if (nowMs - this.#foundersSince < (SESSION_SECONDS - 3600) * 1000) return;
    this.#foundersSince = nowMs;
    this.founders = await openSessions(this.#services, this.founders);
  }

  async #newEntries(): Promise<readonly LoggedEntry[]> {
    return await this.engine.entries(this.#read);
  }

  /** Adds what the log tells of since it was read last, and what came out. */
  async #readLog(event: ModelEvent, now: number, received: Revealed | undefined): Promise<void> {
    const entries = await this.#newEntries();
    this.#read += entries.length;
    for (const entry of entries) this.facts.push(...factsOf(entry, this.#names, event, this.startMs));
    if (event.do === "signing" || event.do === "paging" || event.do === "skewed")
      this.facts.push({ fact: event.do, on: event.on, at: now });
    if (received === undefined || event.do !== "open") return;
    const { who, kind } = event;
    const request = event.request % this.#asked.length;
    const [intent, outcome] = [received.intent.seq, received.outcomeSeq].map((seq) => entries.find((entry) => entry.seq === seq));
    assert.deepEqual([intent?.outcome, outcome?.outcome], ["intent", "allowed"], "a value came out without its two entries");
    const text = received.value.expose((bytes) => bytes.toString("utf8"));
    const isRight = kind === "code" ? /^\d{6}$/.test(text) : text === this.#passwordOf(request);
    assert.ok(isRight, "what came out is not the account's");
    this.facts.push({ fact: "received", request, who, kind, number: Number(intent?.details?.["opening"]), at: now });
  }

  #passwordOf(request: number): string {
    return this.accounts.find(({ id }) => id === this.#asked[request]!.body.account?.id)?.password ?? "";
  }

  readonly #names: Names = {
    person: (id) => this.members.findIndex(({ personId }) => personId === id),
    request: (id) => this.#asked.findIndex((asked) => asked.id === id),
    account: (id) => this.accounts.findIndex((account) => account.id === id),
    entry: (who, id) => this.members[who]?.entryIds.indexOf(id as Id<"allowlist">) ?? -1,
    body: (id) => this.#asked.find((asked) => asked.id === id)!.body,
    requestOfGrant: (id) => this.#asked.findIndex((asked) => asked.grantId === id),
  };
}

function scopeOf(accounts: readonly ModelAccount[], account: ModelEntry["account"]): Scope {
  return account === null ? { kind: "all" } : { kind: "account", values: [accounts[account]!.id] };
}
