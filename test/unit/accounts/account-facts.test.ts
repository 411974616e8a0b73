import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  type AccountFactsNow,
  changedFacts,
  checkFacts,
  columnsOf,
  factDisclosures,
  factsHash,
  factsOf,
} from "../../../src/accounts/account-facts.js";
import { circleFault } from "../../../src/accounts/circle.js";
import { CONTACTS_MAX, checkContacts, contactsText, parseContacts } from "../../../src/accounts/contact.js";
import { custodyOf, hasOurMailbox } from "../../../src/accounts/custody.js";
import { addressKey, newRootAddress } from "../../../src/accounts/root-mail.js";
import { custodyRefusal, heldKinds } from "../../../src/approvals/held-kinds.js";

const FACTS: AccountFactsNow = {
  customer: "Acme",
  tags: { env: "prod" },
  kind: "member",
  custody: "VAULTED",
  organizationId: null,
  contacts: [],
};
const OLGA = { role: "owner", name: "Olga Owner", email: "olga@acme.example", phone: null } as const;

function rules(stated: Readonly<Record<string, unknown>>): string[] {
  const checked = checkFacts(stated, FACTS);
  return "errors" in checked ? checked.errors.map(({ field }) => field) : [];
}

describe("the facts of an account", () => {
  it("come back from their columns as they went in", () => {
    for (const facts of [FACTS, { ...FACTS, contacts: [OLGA], organizationId: "o-1234567890", custody: "SPLIT" as const }])
      assert.deepEqual(factsOf(columnsOf(facts)), facts);
  });

  it("are those of an import where the row is older than the columns", () => {
    const { custody, organizationId, contacts } = factsOf({ ...columnsOf(FACTS), custody: null, organizationId: null, contacts: null });
    assert.deepEqual([custody, organizationId, contacts], ["VAULTED", null, []]);
    assert.throws(() => custodyOf({ custody: "OURS" }));
  });

  it("are checked each by its rule, and together", () => {
    assert.deepEqual(rules({}), []);
    assert.deepEqual(rules({ customer: " x" }), ["customer"]);
    assert.deepEqual(rules({ customer: "AKIAABCDEFGHIJKLMNOP" }), ["customer"]);
    assert.deepEqual(rules({ tags: { Env: "prod" } }), ["tags"]);
    assert.deepEqual(rules({ tags: { env: 1 } }), ["tags"]);
    assert.deepEqual(rules({ tags: ["env"] }), ["tags"]);
    assert.deepEqual(rules({ kind: null, custody: null }), ["kind", "custody"]);
    assert.deepEqual(rules({ custody: "CENTRAL" }), []);
    assert.deepEqual(rules({ custody: "CENTRAL", kind: "management" }), ["custody"]);
    assert.deepEqual(rules({ organizationId: "o-short" }), ["organizationId"]);
    assert.deepEqual(rules({ organizationId: "o-1234567890", kind: "standalone" }), ["organizationId"]);
    assert.deepEqual(rules({ contacts: "Olga" }), ["contacts"]);
  });

  it("differ where their columns differ, and not by the order of tags", () => {
    const tags = { b: "2", a: "1" };
    assert.deepEqual(changedFacts({ ...FACTS, tags }, { ...FACTS, tags: { a: "1", b: "2" } }), []);
    assert.equal(factsHash({ ...FACTS, tags }), factsHash({ ...FACTS, tags: { a: "1", b: "2" } }));
    const other = { ...FACTS, customer: "Umbrella", contacts: [OLGA] };
    assert.deepEqual(changedFacts(FACTS, other), ["customer", "contacts"]);
    assert.notEqual(factsHash(FACTS), factsHash(other));
    assert.deepEqual(
      factDisclosures(other, ["contacts"]).map(({ field }) => field),
      ["contact.0"],
    );
  });
});

describe("the contacts of an account", () => {
  it("have a role, a name, and a way to reach them", () => {
    const faults = (value: unknown): string[] => {
      const checked = checkContacts(value);
      return "errors" in checked ? checked.errors.map(({ field }) => field) : [];
    };
    assert.deepEqual(faults([OLGA, { role: "billing", name: "Bo", phone: "+493012345678" }]), []);
    assert.deepEqual(faults([{ role: "owner", name: "Olga" }]), ["contacts.0"]);
    assert.deepEqual(faults([OLGA, { ...OLGA, note: "x" }]), ["contacts.1"]);
    assert.deepEqual(faults([null]), ["contacts.0", "contacts.0.role", "contacts.0.name"]);
    assert.deepEqual(faults([{ ...OLGA, role: "boss", name: "O\u202elga", email: "olga", phone: "030" }]), [
      ...["contacts.0.role", "contacts.0.name", "contacts.0.email", "contacts.0.phone"],
    ]);
    assert.deepEqual(faults(Array.from({ length: CONTACTS_MAX + 1 }, () => OLGA)), ["contacts"]);
  });

  it("never make a row that the table refuses, nor a list that does not come back", () => {
    const widest = {
      role: "operations",
      name: "é".repeat(120),
      email: `${"a".repeat(64)}@${"b".repeat(60)}.${"c".repeat(60)}.example`,
      phone: `+${"9".repeat(15)}`,
    };
    const checked = checkContacts(Array.from({ length: CONTACTS_MAX }, () => widest));
    assert.ok("contacts" in checked);
    const text = contactsText(checked.contacts);
    assert.ok(Buffer.byteLength(text ?? "") <= 8192);
    assert.deepEqual(parseContacts(text), checked.contacts);
    assert.equal(contactsText([]), null);
  });
});

describe("custody", () => {
  it("says which kinds are opened, and refuses the others by name", () => {
    assert.equal(custodyRefusal("VAULTED", ["root-password", "mfa-seed"]), null);
    assert.equal(custodyRefusal("CO_OWNED", ["root-password", "mfa-seed"]), null);
    assert.equal(custodyRefusal("SPLIT", ["root-password"]), null);
    assert.equal(custodyRefusal("CENTRAL", ["mail-code"]), null);
    const codes = (["SPLIT", "CENTRAL", "CUSTOMER", "NONE"] as const).map(
      (mode) => custodyRefusal(mode, ["root-password", "mfa-seed"])?.code,
    );
    assert.deepEqual(codes, ["NOT_IN_CUSTODY", "BETTER_WAY", "NOT_IN_CUSTODY", "NOT_IN_CUSTODY"]);
    assert.deepEqual(heldKinds("SPLIT", ["root-password", "mfa-seed"]), ["root-password"]);
    assert.deepEqual(heldKinds("NONE", ["root-password"]), ["root-password"]);
    assert.deepEqual([hasOurMailbox("CENTRAL"), hasOurMailbox("CUSTOMER")], [true, false]);
  });
});

describe("a root address that is made here", () => {
  it("has a hundred random bits in letters that survive a telephone", () => {
    const form = { before: "root+", after: "", domain: "aws.example.com" };
    const made = Array.from({ length: 200 }, () => newRootAddress(form));
    assert.equal(new Set(made).size, made.length);
    for (const address of made) assert.match(address, /^root\+[a-z2-7]{20}@aws\.example\.com$/);
    const letters = new Set(made.flatMap((address) => Array.from(address.slice(5, 25))));
    assert.equal(letters.size, 32);
    assert.equal(addressKey("RoOt+ABC@Example.COM"), "root+abc@example.com");
  });
});

describe("the circle", () => {
  it("is refused where it is known: listed accounts, and mail that is received inside an AWS account", () => {
    const account = { awsId: "111122223333", rootEmail: "root@example.com" };
    assert.equal(circleFault(account, ["444455556666"]), null);
    assert.equal(circleFault(account, ["111122223333"])?.fact, "awsId");
    for (const host of ["acme.awsapps.com", "inbound-smtp.eu-west-1.amazonaws.com", "x.on.aws", "AWSAPPS.COM"])
      assert.equal(circleFault({ ...account, rootEmail: `root@${host}` }, [])?.fact, "rootEmail", host);
    for (const host of ["notawsapps.com", "on.aws.example.com"])
      assert.equal(circleFault({ ...account, rootEmail: `root@${host}` }, []), null, host);
    assert.equal(circleFault({ awsId: "111122223333", rootEmail: null }, []), null);
  });
});
