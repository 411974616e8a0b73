// A chronicle out of the real log: what its entries say, in the words of facts.ts.
import { GLASS_FLAG } from "../../../src/approvals/glass-terms.js";
import type { RequestBody } from "../../../src/approvals/request-body.js";
import { canonicalJson } from "../../../src/audit/canonical-json.js";
import type { LoggedEntry } from "./engine.js";
import type { Fact, Happened, Holders } from "./facts.js";
import { CUSTODIAN, type ModelEvent, PURPOSES, type SecretKind } from "./world.js";

/** Who and what the ids of the engine are, in the numbers of the history. */
export interface Names {
  person(id: unknown): number;
  /** -1 for what is none of the history's. */
  request(id: unknown): number;
  account(id: unknown): number;
  /** Place of an entry of the allowlist among those of its person. */
  entry(who: number, id: unknown): number;
  /** The request's text, which its entry's hash covers. */
  body(id: unknown): RequestBody;
  /** The request of a grant. */
  requestOfGrant(id: unknown): number;
}

const KINDS: Readonly<Record<string, SecretKind>> = { "root-password": "password", "mfa-seed": "code" };

/** What `entry` tells of; nothing where it is about something else. `event` is what was tried when it was written. */
export function factsOf(entry: LoggedEntry, names: Names, event: ModelEvent, startMs: number): Fact[] {
  const at = (Date.parse(entry.time) - startMs) / 1000;
  return happenedIn(entry, names, event).map((happened) => ({ ...happened, at }));
}

function happenedIn(entry: LoggedEntry, names: Names, event: ModelEvent): Happened[] {
  const { action, actor, target, request: about } = entry;
  const request = names.request(about?.id ?? target?.id);
  const who = names.person(actor.id);
  switch (action) {
    case "request.submit":
      return request < 0 ? [] : [submitted(names, request, about?.id)];
    case "request.approve":
      return request < 0 ? [] : [{ fact: "approved", request, who }];
    case "request.deny":
      return [{ fact: "denied", request, who }];
    case "request.withdraw":
      return [{ fact: "withdrawn", request, who }];
    case "request.expired":
      return request < 0 ? [] : [{ fact: "ended", request, how: "expired" }];
    case "request.opened":
      return [{ fact: "granted", request }];
    case "grant.expired":
    case "grant.revoke":
    case "grant.return":
      return ended(action, names.requestOfGrant(target?.id));
    case "secret.reveal":
    case "secret.code":
      return entry.outcome === "intent" ? [intended(entry, request, who)] : [];
    case "session.create":
      return who === CUSTODIAN ? [] : [{ fact: "signed-in", who }];
    default:
      return changedIn(entry, names, event);
  }
}

function ended(action: string, request: number): Happened[] {
  const how = { "grant.expired": "expired", "grant.revoke": "revoked", "grant.return": "returned" } as const;
  return request < 0 ? [] : [{ fact: "ended", request, how: how[action as keyof typeof how] }];
}

/** Changes of people, policies and accounts. What the log only commits to (a scope, a team, a policy) is taken from what was tried. */
function changedIn({ action, target, details }: LoggedEntry, names: Names, event: ModelEvent): Happened[] {
  const who = names.person(target?.id);
  switch (action) {
    case "person.suspend":
      return [{ fact: "suspended", who }];
    case "person.restore":
      return [{ fact: "restored", who }];
    case "authenticator.reset":
      return [{ fact: "reset", who }];
    case "person.team":
      return event.do === "team" ? [{ fact: "teamed", who, team: event.team }] : [];
    case "allowlist.grant":
      return event.do === "allow" ? [{ fact: "allowed", who: names.person(details?.["person"]), entry: event.entry }] : [];
    case "allowlist.revoke": {
      const person = names.person(details?.["person"]);
      return [{ fact: "taken-off", who: person, which: names.entry(person, target?.id) }];
    }
    case "policy.change":
      return event.do === "policy" ? [{ fact: "policy", account: event.account, policy: event.policy }] : [];
    case "secret.waive":
      return event.do === "waive" ? [{ fact: "waived", account: event.account }] : [];
    case "glass.review":
      return event.do === "review" ? [{ fact: "reviewed", account: event.account }] : [];
    default:
      return [];
  }
}

function submitted(names: Names, request: number, id: unknown): Happened {
  const body = names.body(id);
  const holders: Holders = Object.fromEntries(body.secrets.map(({ kind, holder }) => [KINDS[kind], names.person(holder)]));
  return {
    ...{ fact: "submitted", request, who: names.person(body.requester), account: names.account(body.account?.id), holders },
    purpose: PURPOSES.findIndex(({ slug }) => slug === body.purpose?.slug),
    ...{ glass: body.flags.includes(GLASS_FLAG), minutes: body.minutes },
  };
}

function intended({ target, details }: LoggedEntry, request: number, who: number): Happened {
  const paged = typeof details?.["paged"] === "string";
  return { fact: "intended", request, who, kind: KINDS[String(target?.kind)]!, number: Number(details?.["opening"]), paged };
}

/** Facts in an order that does not depend on who wrote first what happened at once; what became of openings is left out. */
export function comparable(facts: readonly Fact[]): string[] {
  return facts.map((fact) => `${String(fact.at).padStart(12, "0")} ${canonicalJson(fact as never)}`).sort();
}
