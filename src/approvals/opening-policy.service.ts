import { readLife, takeoverOf } from "../accounts/account-life.service.js";
import type { AccountRow } from "../accounts/account-registry.service.js";
import type { WorkTransaction } from "../database/work-transaction.js";
import { RootkeepError } from "../kernel/errors.js";
import { type Id, isId } from "../kernel/ids.js";
import type { ScopedAccount } from "../people/scope.js";
import { requireRole } from "../people/standing.service.js";
import { teamOf } from "../people/teams.service.js";
import { AccessGrant } from "./access-grant.entity.js";
import { parseOpenings, parseVersions } from "./granted-version.js";
import { brokenTerm, type DecidedTerms, policyRefusal, type TermName, termsOf } from "./opening-terms.js";
import { currentBook } from "./policies.service.js";
import type { Purpose, PurposeKind } from "./purpose.js";
import { purposesOpenIn } from "./purposes-by-state.js";
import type { RequestBody } from "./request-body.js";
import type { SecretFactsPort } from "./secret-facts.port.js";

/** The terms in force for one purpose on one account, and the version of the policies that say so. */
export interface TermsInForce extends DecidedTerms {
  readonly version: string;
}

/** Today's terms of `purpose` for `account`: whoever submits, approves, opens or explains asks here. */
export async function termsInForce(tx: WorkTransaction, purpose: Purpose, account: ScopedAccount): Promise<TermsInForce> {
  const book = await currentBook(tx);
  return { version: book.version, ...termsOf(purpose, book.policies, account) };
}

/**
 * What the state of `account` has against opening it for `slug`, or null: asked at submission, at each approval and at each opening, on the
 * account's row as it stands in that transaction (docs/spec/lifecycle.md [LC-4]).
 */
export async function stateRefusal(tx: WorkTransaction, account: AccountRow, slug: string): Promise<RootkeepError | null> {
  const { id, state } = account;
  // Of every other state the rule is the same, however the account came to us.
  const life = state === "assuming" || state === "secured" ? await readLife(tx, id) : null;
  const open = purposesOpenIn(state, takeoverOf(state, life) === "DECLARED");
  if (open === "all" || open.includes(slug)) return null;
  return new RootkeepError("STATE_CONFLICT", {
    facts: { state, rule: "the account opens other purposes in this state, or none", opens: open.join(" ") },
  });
}

/** What of a request its policy judges, and the terms that it was submitted under, once it was. */
export type JudgedRequest = Pick<RequestBody, "requester" | "secrets" | "ticket"> & Partial<Pick<RequestBody, "policy">>;

/**
 * What the terms have against an opening, or null: a rule that it breaks, people without a team where teams count, or codes for somebody who
 * knows the password already.
 */
export async function openingRefusal(
  tx: WorkTransaction,
  decided: DecidedTerms,
  judged: JudgedRequest,
  account: { readonly id: Id<"account">; readonly secrets: SecretFactsPort },
): Promise<RootkeepError | null> {
  const refuse = (term: TermName, rule: string): RootkeepError => policyRefusal({ term, rule }, decided);
  const broken = brokenTerm(decided.terms, judged);
  if (broken !== null) return refuse(broken.term, broken.rule);
  const asking = new Set([judged.requester, ...judged.secrets.map(({ holder }) => holder)]);
  if (decided.terms.otherTeam) {
    for (const id of asking) {
      if ((await teamOf(tx, id)).team === null)
        return refuse("otherTeam", "the policy wants an approver of another team, and the one who asks or opens is of none");
    }
  }
  // The stricter of the two counts: a policy that has gone since does not give the second half to who has the first.
  if (!decided.terms.split && judged.policy?.terms?.split !== true) return null;
  const knowing = await whoSawPassword(tx, account.id, account.secrets);
  const isKnown = judged.secrets.some(({ kind, holder }) => kind !== "root-password" && knowing.has(holder));
  return isKnown
    ? refuse("split", "the holder of the codes has seen the password that is current: rotate it first, or name somebody else")
    : null;
}

/**
 * Everybody who has opened the current password or its candidate, under whatever grant: of the two halves they have one already. By the grants, which stay locked, and by
 * the log: a grant's row that somebody deleted, or hid from this search, must not give its holder the other half.
 */
async function whoSawPassword(tx: WorkTransaction, accountId: Id<"account">, secrets: SecretFactsPort): Promise<ReadonlySet<string>> {
  const [password] = await secrets.currentVersions(tx, accountId, ["root-password"]);
  // Where no password is found, one may be hidden: then whoever has opened any is kept from the codes.
  const seen = new Set<string>(secrets.passwordReaders(accountId, password?.versionId ?? null));
  if (password === undefined) return seen;
  // A candidate may be what works by now.
  const candidates = (await secrets.candidates(tx, accountId, ["root-password"])).map(({ versionId }) => versionId);
  for (const id of candidates) for (const reader of secrets.passwordReaders(accountId, id)) seen.add(reader);
  const passwords = [password.versionId, ...candidates];
  for (const grant of await tx.readAll(AccessGrant, { accountId })) {
    const openings = parseOpenings(grant.openings);
    for (const { versionId, holder } of parseVersions(grant.versions)) {
      if (passwords.includes(versionId) && (openings[versionId] ?? 0) > 0) seen.add(holder ?? grant.holderId);
    }
  }
  return seen;
}

/**
 * Who is to hold each kind: the requester, unless the form names somebody else, who must be allowed to open this account as well.
 * @throws RootkeepError `MALFORMED`, `NOT_ALLOWLISTED`
 */
export async function holdersOf(
  tx: WorkTransaction,
  named: Readonly<Record<string, unknown>>,
  kinds: readonly PurposeKind[],
  requesterId: Id<"person">,
  scoped: ScopedAccount,
): Promise<ReadonlyMap<PurposeKind, Id<"person">>> {
  const holders = new Map<PurposeKind, Id<"person">>(kinds.map((kind) => [kind, requesterId]));
  for (const [kind, person] of Object.entries(named)) {
    const asked = kinds.find((known) => known === kind);
    if (asked === undefined || !isId("person", person)) {
      throw new RootkeepError("MALFORMED", {
        fields: [{ field: "holders", rule: "names the id of a person for kinds that are asked for" }],
      });
    }
    if (person !== requesterId) await requireRole(tx, person, "requester", await tx.clock(), scoped);
    holders.set(asked, person);
  }
  return holders;
}
