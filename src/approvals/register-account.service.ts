import { ACCOUNT_RULES, type AccountKind, holdsAccessKeyId, isAwsId, isPartition, isRootEmail } from "../accounts/account.js";
import { type AccountFactsNow, checkFacts, columnsOf, factDisclosures } from "../accounts/account-facts.js";
import { insertAccount, knownAwsIds } from "../accounts/account-registry.service.js";
import { circleFault } from "../accounts/circle.js";
import { type CustodyMode, hasOurMailbox } from "../accounts/custody.js";
import type { RootAddresses } from "../accounts/root-addresses.service.js";
import { draftEntry, personActor } from "../audit/draft.js";
import type { Transactions } from "../audit/transactions.service.js";
import { type FieldError, RootkeepError } from "../kernel/errors.js";
import { type Id, newId } from "../kernel/ids.js";
import { type ActingPerson, actingStanding } from "../people/acting-person.service.js";
import { hasRole } from "../people/standing.service.js";
import type { TrustedConfiguration } from "./trusted-configuration.service.js";

/** What is stated of an account that is to be registered, as it came over the wire. */
export interface RegistrationForm {
  readonly awsId: string;
  readonly partition: string;
  /** Where it is left out, an address is made here. */
  readonly rootEmail?: string | null;
  /** `customer`, `tags`, `kind`, `custody`, `organizationId`, `contacts`. */
  readonly facts: Readonly<Record<string, unknown>>;
}

/** An account that is registered. */
export interface Registration {
  readonly accountId: Id<"account">;
  readonly rootEmail: string;
  readonly seq: number;
}

const NOTHING_STATED: AccountFactsNow = {
  customer: "",
  tags: {},
  kind: "standalone" satisfies AccountKind,
  custody: "VAULTED",
  organizationId: null,
  contacts: [],
};

const ADDRESS_RULES = {
  missing: "is needed: this deployment makes no root addresses (ROOTKEEP_ROOT_MAIL_DOMAIN)",
  theirs: "is needed: in this custody the mailbox is not ours, so no address is made here",
} as const;

/**
 * Registers one account by hand: its facts, no credential, and a root e-mail address that is made here unless one is stated. It is `invited`: the first
 * state of an account's life, in which nothing of it can be opened, because nothing is here.
 */
export class RegisterAccount {
  constructor(
    private readonly transactions: Transactions,
    private readonly trust: TrustedConfiguration,
    private readonly addresses: RootAddresses,
    private readonly refusedAccounts: readonly string[],
  ) {}

  /** @throws RootkeepError `MALFORMED`, `NOT_ALLOWLISTED`, `CONFIG_UNAPPROVED`, `ALREADY_EXISTS` for an account or an address that is known. */
  async run(acting: ActingPerson, form: RegistrationForm): Promise<Registration> {
    // The domain of root addresses is trusted: one that nobody approved would get the mail of every account to come.
    this.trust.assertApproved();
    const facts = this.#checked(form);
    const { awsId, partition } = form;
    const accountId = newId("account");
    const { result, receipts } = await this.transactions.run(async (tx) => {
      tx.atHead(() => this.trust.assertApproved());
      const now = await tx.clock();
      if (!hasRole(await actingStanding(tx, acting, now), "custodian")) throw new RootkeepError("NOT_ALLOWLISTED");
      // An early answer; what decides is the table's own uniqueness.
      if ((await knownAwsIds(tx, [awsId])).has(awsId)) {
        throw new RootkeepError("ALREADY_EXISTS", { facts: { rule: "the account is registered already" } });
      }
      const rootEmail = form.rootEmail ?? this.addresses.allocate();
      insertAccount(tx, {
        ...{ id: accountId, awsId, partition, rootEmail, state: "invited", checkoutGrantId: null, createdAt: now },
        ...columnsOf(facts),
      });
      const origin = typeof form.rootEmail === "string" ? "REGISTERED" : "ALLOCATED";
      const address = await this.addresses.note(tx, rootEmail, accountId, origin, now);
      const { kind, custody, organizationId } = facts;
      const draft = draftEntry({
        action: "account.register",
        outcome: "committed",
        actor: personActor(acting.personId),
        target: { type: "account", id: accountId, awsId, partition },
        details: { kind, custody, organizationId, address: address.id, addressOrigin: address.origin },
        disclosures: [...factDisclosures(facts), { field: "rootEmail", value: rootEmail }],
        stream: accountId,
      });
      return { result: rootEmail, entries: [{ draft }] };
    });
    return { accountId, rootEmail: result, seq: receipts[0]?.facts.seq ?? -1 };
  }

  #checked({ awsId, partition, rootEmail = null, facts: stated }: RegistrationForm): AccountFactsNow {
    const errors: FieldError[] = [];
    if (!isAwsId(awsId)) errors.push({ field: "awsId", rule: ACCOUNT_RULES.awsId });
    if (!isPartition(partition)) errors.push({ field: "partition", rule: ACCOUNT_RULES.partition });
    const circle = circleFault({ awsId, rootEmail }, this.refusedAccounts);
    if (circle !== null) errors.push({ field: circle.fact, rule: circle.rule });
    const checked = checkFacts(stated, NOTHING_STATED);
    const custody = "facts" in checked ? checked.facts.custody : "VAULTED";
    const address = rootEmail === null ? this.#missingAddress(custody) : statedAddressRule(rootEmail);
    if (address !== null) errors.push({ field: "rootEmail", rule: address });
    if ("facts" in checked && errors.length === 0) return checked.facts;
    throw new RootkeepError("MALFORMED", { fields: [...errors, ...("errors" in checked ? checked.errors : [])] });
  }

  /** Why no address can be made here, or null. */
  #missingAddress(custody: CustodyMode): string | null {
    if (!hasOurMailbox(custody)) return ADDRESS_RULES.theirs;
    return this.addresses.isAllocating ? null : ADDRESS_RULES.missing;
  }
}

function statedAddressRule(rootEmail: string): string | null {
  if (holdsAccessKeyId(rootEmail)) return ACCOUNT_RULES.accessKey;
  return isRootEmail(rootEmail) ? null : ACCOUNT_RULES.rootEmail;
}
