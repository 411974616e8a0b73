// Things that calls are about, made over HTTP by those who take part in them.
import { randomInt, randomUUID } from "node:crypto";
import { Transactions } from "../../../src/audit/transactions.service.js";
import { newId } from "../../../src/kernel/ids.js";
import { importFile, newAccount } from "../crew.js";
import { withClient } from "../postgres.js";
import { release } from "../released.js";
import type { RestApp } from "../rest-app.js";
import { must, send } from "./caller.js";
import type { Actor, Seeds } from "./people.js";
import { CUSTODIANS_ACTS, type CustodiansAct, type Target, type TargetKind } from "./relation.js";

export interface Parties {
  readonly asked: Actor;
  readonly approver: Actor;
  /** Whom it is about, or who holds the other half; somebody new where nobody of the row is. */
  readonly about: Actor | null;
}

export interface TargetOptions extends Parties {
  /** It will be asked for or waited for, and never done. */
  readonly isIdle: boolean;
  /** An act of custodians that is approved already. */
  readonly isDone: boolean;
}

const REASON = "because the matrix says so";
const LOOKS = 50;
const DOOMED = 24;

/** Makes targets; each call makes a new one. */
export class Targets {
  /** Accounts that are not checked out, and whose password nobody has seen. */
  readonly #free: string[];
  /** Accounts over which no grant was ever given: what is destroyed ends no grant that a cell is about. */
  readonly #doomed: string[];
  #spare: Promise<Actor> | undefined;

  #seen: Promise<string> | undefined;
  #ended: Promise<string> | undefined;
  #destroyed: Promise<string> | undefined;
  #untouched: Promise<string> | undefined;
  #begun: Promise<{ readonly checklist: string }> | undefined;

  /** @param accounts ids of accounts that nobody has used; of the first one nothing is ever opened. */
  constructor(
    private readonly rest: RestApp,
    private readonly seeds: Seeds,
    private readonly accounts: readonly string[],
    private readonly importId: string,
  ) {
    this.#free = [...accounts.slice(1, -DOOMED - 1), ...accounts.slice(-1)];
    this.#doomed = accounts.slice(-DOOMED - 1, -1);
  }

  /** The grant over this account has ended, and its password was not seen. */
  free({ account }: Target): void {
    if (account !== undefined) this.#free.push(account);
  }

  async make(kind: TargetKind, parties: TargetOptions): Promise<Target> {
    switch (kind) {
      case "nothing":
        return {};
      case "account":
        return { account: this.accounts[0] ?? "" };
      case "destroyed account":
        this.#destroyed ??= this.#destroy();
        return { account: await this.#destroyed };
      case "import":
        return { import: this.importId };
      case "person":
        return await this.#person(parties.about);
      case "delivery":
        return await this.#delivery();
      case "request":
        return await this.#request(parties);
      case "grant":
        return await this.#grant(parties, {});
      case "glass":
        return await this.#glass(parties);
      case "ticket":
        return await this.#ticket(parties.asked, { accountId: this.accounts[0] });
      case "general ticket":
        return await this.#ticket(parties.asked, {});
      case "ticket update":
        return await this.#ticketUpdate();
      case "fresh account":
        return { account: await this.#freshAccount() };
      case "shown candidate":
        return await this.#shownCandidate(parties);
      case "staged candidate":
        return await this.#stagedCandidate();
      case "request of verdict":
        return await this.#verdict(parties);
      case "checklist":
        return await this.#checklist();
      case "claimed checklist":
        return await this.#claimed();
      case "invitation":
        return await this.#act("person.enrol", { ...parties, isDone: true });
      default:
        return await this.#ofAct(kind, parties);
    }
  }

  #take(): string {
    const account = this.#free.shift();
    if (account === undefined) throw new Error("there are too few accounts");
    return account;
  }

  async #ofAct(kind: Extract<TargetKind, `${string} of ${string}`>, parties: TargetOptions): Promise<Target> {
    const act = kind.slice(kind.indexOf(" of ") + 4) as CustodiansAct;
    if (!kind.startsWith("subject")) return await this.#act(act, parties);
    const account = await this.#accountOf(act);
    return { subject: await this.#subject(act, parties), ...(account === undefined ? {} : { account }) };
  }

  /** The account whose facts are to change: one of its own for each, as a change ends what others were asked on. */
  async #accountOf(act: CustodiansAct): Promise<string | undefined> {
    if (act !== "account.change") return undefined;
    const awsId = String(randomInt(700_000_000_000, 799_999_999_999));
    const form = { awsId, kind: "standalone", customer: "Acme", rootEmail: `root-${awsId}@example.com` };
    return String((await this.#as(await this.#custodian(), "POST", "/v1/accounts", form))["id"]);
  }

  /** Somebody with a session and an entry, who is not of the row; or `self`, with a session besides the one they act with. */
  async #person(self: Actor | null): Promise<Target> {
    if (self === null) {
      const victim = await this.seeds.person({ name: "Vic Tim", roles: ["auditor"], use: "idle" });
      return { person: victim.personId, session: victim.sessionId, entry: victim.entryIds[0] ?? "" };
    }
    const { sessionId } = await this.seeds.session(self.personId);
    return { person: self.personId, session: sessionId, entry: self.entryIds[0] ?? "" };
  }

  /** A message that no channel took. */
  async #delivery(): Promise<Target> {
    const [notice, delivery] = [newId("notice"), newId("delivery")];
    await withClient(this.rest.database.superuser, async (client) => {
      await client.query(
        `INSERT INTO notices.notice (id, topic, facts, audience, spread_at) VALUES ($1, 'request.submitted', '{}', '[]', clock_timestamp())`,
        [notice],
      );
      await client.query(
        "INSERT INTO notices.delivery (id, notice_id, channel, recipient, state) VALUES ($1, $2, 'slack', 'room', 'DEAD')",
        [delivery, notice],
      );
    });
    return { delivery };
  }

  /** A change that no ticket took. */
  async #ticketUpdate(): Promise<Target> {
    const id = newId("ticketUpdate");
    await withClient(this.rest.database.superuser, async (client) => {
      await client.query(
        `INSERT INTO tickets.ticket_update (id, thread, act, reference, event, facts, state)
         VALUES ($1, $1, 'APPEND', 'OPS-7', 'request.submitted', '{}', 'DEAD')`,
        [id],
      );
    });
    return { ticketUpdate: id };
  }

  /** A ticket of the board that is open. */
  async #ticket(opener: Actor, names: { readonly accountId?: string | undefined }): Promise<Target> {
    const { reference } = await this.#as(opener, "POST", "/v1/tickets", { title: REASON, ...names });
    return { ticket: String(reference) };
  }

  /** An account that nobody has touched since its import. */
  async #freshAccount(): Promise<string> {
    const awsId = String(randomInt(600_000_000_000, 699_999_999_999));
    const { token } = await this.#custodian();
    await must(this.rest.address, { verb: "POST", path: "/v1/imports", token, csv: importFile([newAccount(awsId)]) });
    return await withClient(this.rest.database.superuser, async (client) => {
      const { rows } = await client.query<{ id: string }>("SELECT id FROM accounts.account WHERE aws_id = $1", [awsId]);
      return rows[0]?.id ?? "";
    });
  }

  /** A takeover that somebody of no row has begun. */
  async #checklist(): Promise<Target & { readonly checklist: string }> {
    const account = await this.#freshAccount();
    const { id } = await this.#withCode(await this.#custodian(), `/v1/accounts/${account}/checklists`, {});
    return { account, checklist: String(id) };
  }

  /** One of which a step waits for a second person. */
  async #claimed(): Promise<Target> {
    const target = await this.#checklist();
    const claim = { kind: "attestation", note: REASON };
    const { seq } = await this.#withCode(await this.#custodian(), `/v1/checklists/${target.checklist}/steps/O1/claims`, claim);
    return { ...target, subject: { claim: seq } };
  }

  /** An opening that wants two approvers and has one. */
  async #request(parties: Parties): Promise<Target> {
    const account = this.accounts[0] ?? "";
    const request = await this.#asked(parties, { accountId: account, purpose: "root-mfa-manage" });
    await this.approve(parties.approver, request);
    return { request, account };
  }

  /** A grant over an account of its own: the password for who asked, the code for who it is about. */
  async #grant(parties: Parties, rest: object, account = this.#take()): Promise<Target & { readonly grant: string }> {
    const request = await this.#asked(parties, { accountId: account, purpose: "billing-root-only", ...rest });
    await this.approve(parties.approver, request);
    const { grantId } = await this.#as(parties.asked, "GET", `/v1/requests/${request}`);
    return { account, request, grant: String(grantId) };
  }

  /** A candidate that whoever asked for it was shown, in order to set it. */
  async #shownCandidate(parties: Parties): Promise<Target> {
    const spare = await this.#custodian();
    const account = this.#take();
    const { id } = await this.#as(spare, "POST", `/v1/accounts/${account}/candidates`, { kind: "root-password" });
    const target = await this.#grant(parties, { purpose: "rotate-after-use" }, account);
    await this.#withCode(parties.asked, `/v1/grants/${target.grant}/openings`, { kind: "root-password", version: "candidate" });
    return { ...target, version: String(id) };
  }

  /** A candidate that nobody was shown, on an account of its own, and what is to be said of it. */
  async #stagedCandidate(): Promise<Target> {
    const account = this.#take();
    const { id } = await this.#as(await this.#custodian(), "POST", `/v1/accounts/${account}/candidates`, { kind: "root-password" });
    return { account, subject: { versionId: id, verdict: "does-not-work", evidence: { kind: "never-shown" } } };
  }

  /** A verdict that somebody asked for; the one whom it is about was to set nothing. */
  async #verdict({ asked, approver, isDone }: TargetOptions): Promise<Target> {
    const target = await this.#stagedCandidate();
    const { id } = await this.#as(asked, "POST", "/v1/requests", {
      operation: "candidate.settle",
      reason: REASON,
      subject: target.subject,
    });
    if (isDone) await this.approve(approver, String(id));
    return { ...target, request: String(id) };
  }

  /** A use of break-glass that is over and waits for its review. */
  async #glass(parties: Parties): Promise<Target> {
    const target = await this.#grant(parties, { breakGlass: true, ticket: "INC-7" });
    await this.#as(parties.asked, "POST", `/v1/grants/${target.grant}/returns`);
    this.free(target);
    const { items } = await this.#as(parties.asked, "GET", "/v1/glass?limit=200");
    const use = (items as readonly { id: string; grantId: string }[]).find(({ grantId }) => grantId === target.grant);
    return { ...target, glass: use?.id ?? "" };
  }

  async #act(act: CustodiansAct, parties: TargetOptions): Promise<Target> {
    const { id, subject } = await this.#askedAct(act, parties);
    if (parties.isDone) await this.approve(parties.approver, id);
    return { request: id, subject };
  }

  /** Again where somebody else of the cast came or went between looking at the allowlist and asking for its certificate. */
  async #askedAct(act: CustodiansAct, parties: TargetOptions): Promise<{ id: string; subject: Readonly<Record<string, unknown>> }> {
    for (let tries = 1; ; tries++) {
      const [subject, account] = [await this.#subject(act, parties), await this.#accountOf(act)];
      const { status, code, body } = await this.#try(parties.asked, "/v1/requests", {
        ...{ operation: act, reason: REASON, subject },
        ...(account === undefined ? {} : { accountId: account }),
      });
      if (status < 400) return { id: String(body["id"]), subject };
      const isOutdated = act === "allowlist.certify" && code === "MALFORMED";
      if (!isOutdated || tries === LOOKS) throw new Error(`${act}: ${JSON.stringify(body)}`);
    }
  }

  async #asked({ asked, about }: Parties, form: object): Promise<string> {
    const holders = about === null ? {} : { "mfa-seed": about.personId };
    const body = { operation: "secret.reveal", reason: REASON, ticket: "OPS-7", holders, ...form };
    return String((await this.#as(asked, "POST", "/v1/requests", body))["id"]);
  }

  async #subject(act: CustodiansAct, { about, isIdle }: TargetOptions): Promise<Readonly<Record<string, unknown>>> {
    const isAboutPerson = CUSTODIANS_ACTS[act] === "person";
    const personId = isAboutPerson ? ((about ?? (await this.#somebody(act))).personId as string) : "";
    const name = `m${randomUUID()}`;
    switch (act) {
      case "person.enrol":
        return { name: `New ${name}`, email: `${name}@example.com` };
      case "person.team":
        return { personId, team: "matrix" };
      case "allowlist.grant":
        return { personId, role: "auditor", scope: { kind: "all" } };
      case "allowlist.certify":
        return { digest: (await this.#as(await this.#custodian(), "GET", "/v1/allowlist/certification"))["digest"] };
      case "config.approve":
        return { digest: (await this.#as(await this.#custodian(), "GET", "/v1/configuration"))["digest"] };
      case "policy.change":
        return { name, policy: { name, purposes: ["tax-invoice-view"], scope: { kind: "all" }, minutes: 20 }, replaces: null };
      case "secret.waive":
        this.#seen ??= this.#burnt();
        return { versionId: isIdle ? await this.#seen : await this.#burnt() };
      case "account.destroy":
        this.#ended ??= this.#released();
        return { accountId: isIdle ? await this.#ended : await this.#released() };
      case "account.change":
        return { contacts: [{ role: "owner", name: `Owner ${name}`, email: `${name}@example.com` }] };
      case "account.move":
        this.#untouched ??= this.#freshAccount();
        return { accountId: isIdle ? await this.#untouched : await this.#freshAccount(), to: "quarantined" };
      case "checklist.waive":
        this.#begun ??= this.#checklist();
        return { checklistId: (isIdle ? await this.#begun : await this.#checklist()).checklist, step: "O1" };
      case "brake.raise":
        return { personId, openings: 50, minutes: 60 };
      case "identity.link":
      case "person.restore":
      case "person.leave":
      case "authenticator.reset":
      case "disclosure.erase":
        return { personId };
    }
  }

  /** Whom an act is about, and who takes no part. */
  async #somebody(act: CustodiansAct): Promise<Actor> {
    const somebody = await this.seeds.person({ name: "Some Body", roles: [], use: "idle" });
    if (act === "person.restore") await this.#as(await this.#custodian(), "POST", `/v1/people/${somebody.personId}/suspensions`);
    return somebody;
  }

  /** A password that somebody has seen. */
  async #burnt(): Promise<string> {
    const spare = await this.#custodian();
    const approver = await this.seeds.person({ name: "Ann Approver", roles: ["approver"], use: "idle" });
    const { grant, account } = await this.#grant({ asked: spare, approver, about: null }, {});
    await this.#withCode(spare, `/v1/grants/${grant}/openings`, { kind: "root-password" });
    await this.#as(spare, "POST", `/v1/grants/${grant}/returns`);
    const { items } = await this.#as(spare, "GET", `/v1/accounts/${account ?? ""}/secrets`);
    const secrets = items as readonly { kind: string; versions: readonly { id: string }[] }[];
    return secrets.find(({ kind }) => kind === "root-password")?.versions[0]?.id ?? "";
  }

  /** An account whose credentials are no longer ours. */
  async #released(): Promise<string> {
    const account = this.#doomed.shift();
    if (account === undefined) throw new Error("there are too few accounts");
    await release(this.rest.part(Transactions), account);
    return account;
  }

  /** An account that was destroyed, as soon as its certificate is there. */
  async #destroy(): Promise<string> {
    const asked = await this.#custodian();
    const approver = await this.seeds.person({ name: "Second Hand", roles: ["custodian"], use: "busy" });
    const { subject } = await this.#act("account.destroy", { asked, approver, about: null, isIdle: false, isDone: true });
    const account = String(subject?.["accountId"]);
    const path = `/v1/accounts/${account}/destruction`;
    for (let looks = 0; looks < LOOKS; looks++) {
      const { status } = await send(this.rest.address, { verb: "GET", path, token: asked.token });
      if (status === 200) break;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    return account;
  }

  /** Somebody of no row, who looks things up and opens what is to be burnt. */
  async #custodian(): Promise<Actor> {
    this.#spare ??= this.seeds.person({ name: "Spare Hand", roles: ["custodian", "requester"], use: "busy" });
    return await this.#spare;
  }

  async approve(approver: Actor, requestId: string): Promise<void> {
    await this.#withCode(approver, `/v1/requests/${requestId}/approvals`, {});
  }

  /** With a fresh code. */
  async #withCode(actor: Actor, path: string, form: object): Promise<Readonly<Record<string, unknown>>> {
    return await this.#as(actor, "POST", path, { ...form, code: await actor.app.next() });
  }

  async #try({ token }: Actor, path: string, json: object) {
    return await send(this.rest.address, { verb: "POST", path, token, json });
  }

  async #as({ token }: Actor, verb: string, path: string, json?: object): Promise<Readonly<Record<string, unknown>>> {
    return await must(this.rest.address, { verb, path, token, ...(json === undefined ? {} : { json }) });
  }
}
