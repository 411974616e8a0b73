// Forgeries of what the decisions rest on: policies, facts of accounts, the state of secrets.

import type { Policy } from "../../../src/approvals/policy.js";
import { bookText } from "../../../src/approvals/policy-book.js";
import { unusedCode } from "../../support/act-code.js";
import { formOf } from "../../support/vault.js";
import { copied, edit, exchanged, type Forgery, remove } from "./forgery.js";
import type { Scene } from "./scene.js";
import { approveOne, askBeyond, openHeld } from "./uses.js";

const BOOKS = "approvals.policy_book";
const ACCOUNTS = "accounts.account";
const VERSIONS = "secrets.secret_version";

const atUse = { answer: "ROW_REFUSED", heard: "at use" } as const;

/** Rewrites the newest book. */
function loosened(change: (policy: Policy) => Policy | null): Forgery["make"] {
  return async ({ owner, books }) => {
    const [row] = await owner.rows<{ text: string }>(`SELECT text FROM ${BOOKS} WHERE id = $1`, [books.newest]);
    const { policies } = JSON.parse(row?.text ?? "") as { policies: Policy[] };
    const text = bookText(policies.map(change).filter((policy) => policy !== null));
    await owner.run(`UPDATE ${BOOKS} SET text = $2 WHERE id = $1`, [books.newest, text]);
  };
}

const without =
  (...fields: (keyof Policy)[]) =>
  (policy: Policy): Policy =>
    Object.fromEntries(Object.entries(policy).filter(([field]) => !(fields as string[]).includes(field))) as unknown as Policy;

const POLICIES: readonly (readonly [string, (policy: Policy) => Policy | null])[] = [
  ["asks for one approval instead of two", without("approvals")],
  ["asks for no other team", without("otherTeam")],
  ["lets a grant stand longer", (policy) => ({ ...policy, ...(policy.minutes === undefined ? {} : { minutes: 480 }) })],
  ["opens more kinds", without("kinds")],
  ["is for other accounts", (policy) => ({ ...policy, scope: { kind: "customer", values: ["Nobody"] } })],
  ["is gone from its book", (policy) => (policy.name === "globex" ? null : policy)],
];

const atPolicy = {
  tables: [BOOKS],
  rows: ({ books }: Scene) => [`policy_book/${books.newest}`],
  use: approveOne,
  ...atUse,
  action: "policy.change",
} as const;

export const ON_FACTS: readonly Forgery[] = [
  ...POLICIES.map(
    ([name, change], index): Forgery => ({
      id: `F${54 + index}`,
      name: `a policy ${name}`,
      make: loosened(change),
      ...atPolicy,
    }),
  ),
  {
    id: "F60",
    name: "the policies of before are put back under the newest number",
    make: (scene) =>
      exchanged(
        BOOKS,
        ({ books }) => books.older,
        ({ books }) => books.newest,
        ["text", "request_id", "changed_at", "seq", "mac"],
      )(scene),
    ...atPolicy,
  },
  {
    id: "F61",
    name: "the newest policies are deleted, those of before are the newest",
    make: remove(BOOKS, ({ books }) => books.newest),
    ...atPolicy,
  },
  {
    id: "F62",
    name: "policies that nobody approved, under the next number",
    make: copied(
      BOOKS,
      ({ books }) => books.newest,
      ({ books }) => ({ id: books.next, text: bookText([]) }),
    ),
    ...atPolicy,
    rows: ({ books }) => [`policy_book/${books.next}`],
  },
  {
    id: "F63",
    name: "the AWS ids of two accounts are exchanged",
    tables: [ACCOUNTS],
    make: exchanged(
      ACCOUNTS,
      ({ accounts }) => accounts.acme,
      ({ accounts }) => accounts.globex,
      ["aws_id"],
    ),
    rows: ({ accounts }) => [`account/${accounts.acme}`, `account/${accounts.globex}`],
    ...{ use: openHeld, ...atUse, action: "account.import" },
  },
  {
    id: "F64",
    name: "two accounts are exchanged whole but for their ids",
    tables: [ACCOUNTS],
    make: exchanged(
      ACCOUNTS,
      ({ accounts }) => accounts.acme,
      ({ accounts }) => accounts.globex,
      [...["aws_id", "partition", "kind", "customer", "tags", "root_email", "state", "checkout_grant_id", "created_at", "seq", "mac"]],
    ),
    rows: ({ accounts }) => [`account/${accounts.acme}`, `account/${accounts.globex}`],
    ...{ use: openHeld, ...atUse, action: "account.import" },
  },
  {
    id: "F65",
    name: "the root e-mail addresses of two accounts are exchanged",
    tables: [ACCOUNTS],
    make: exchanged(
      ACCOUNTS,
      ({ accounts }) => accounts.acme,
      ({ accounts }) => accounts.globex,
      ["root_email"],
    ),
    rows: ({ accounts }) => [`account/${accounts.acme}`, `account/${accounts.globex}`],
    ...{ use: openHeld, ...atUse, action: "account.import" },
  },
  {
    id: "F66",
    name: "an account is another customer's",
    tables: [ACCOUNTS],
    make: edit(ACCOUNTS, ({ accounts }) => accounts.acmeTwo, "customer = 'Globex'"),
    rows: ({ accounts }) => [`account/${accounts.acmeTwo}`],
    ...{ use: askBeyond, ...atUse, action: "account.import" },
  },
  {
    id: "F67",
    name: "an account has other access tags",
    tables: [ACCOUNTS],
    make: edit(ACCOUNTS, ({ accounts }) => accounts.acmeTwo, `tags = '{"team":"globex"}'`),
    rows: ({ accounts }) => [`account/${accounts.acmeTwo}`],
    ...{ use: askBeyond, ...atUse, action: "account.import" },
  },
  {
    id: "F68",
    name: "an account is of another kind, for which there is no better way than root",
    tables: [ACCOUNTS],
    make: edit(ACCOUNTS, ({ accounts }) => accounts.member, "kind = 'standalone'"),
    rows: ({ accounts }) => [`account/${accounts.member}`],
    use: ({ rita, accounts }, vault) =>
      vault.requests.submit(
        rita,
        formOf({ operation: "secret.reveal", accountId: accounts.member, purpose: "account-email-change", ticket: "INC-9" }),
      ),
    ...{ ...atUse, action: "account.import" },
  },
  {
    id: "F69",
    name: "an account is deleted",
    tables: [ACCOUNTS],
    make: remove(ACCOUNTS, ({ accounts }) => accounts.acme),
    rows: ({ accounts }) => [`account/${accounts.acme}`],
    ...{ use: openHeld, ...atUse, action: "account.import" },
  },
  {
    id: "F70",
    name: "a secret is another account's",
    tables: ["secrets.secret"],
    make: (scene) => exchanged("secrets.secret", password("acme"), password("globex"), ["account_id"])(scene),
    rows: (scene) => [`secret/${password("acme")(scene)}`, `secret/${password("globex")(scene)}`],
    ...{ use: openHeld, ...atUse, action: "account.import" },
  },
  {
    id: "F71",
    name: "a version is another secret's, sealed bytes and all",
    tables: [VERSIONS],
    make: (scene) => exchanged(VERSIONS, version("acme"), version("globex"), ["secret_id", "data_key_id", "sealed_sha256"])(scene),
    rows: (scene) => [`secret_version/${version("acme")(scene)}`, `secret_version/${version("globex")(scene)}`],
    ...{ use: openHeld, ...atUse, action: "account.import" },
  },
  {
    id: "F72",
    name: "a burnt password is not burnt",
    tables: [VERSIONS],
    make: edit(VERSIONS, (scene) => version("spent")(scene), "exposure = 'CLEAN'"),
    older: ({ older }) => older.burnt.putBack(),
    rows: (scene) => [`secret_version/${version("spent")(scene)}`],
    use: ({ otto, accounts }, vault) =>
      vault.requests.submit(
        otto,
        formOf({ operation: "secret.reveal", accountId: accounts.spent, purpose: "billing-root-only", ticket: "INC-9" }),
      ),
    ...{ ...atUse, action: "secret.waive" },
  },
  {
    id: "F73",
    name: "the code ledger of a seed is turned back",
    tables: [VERSIONS],
    make: edit(VERSIONS, ({ id, accounts }) => id(`secret_version mfa-seed ${accounts.spent}`), "last_step = last_step - 10"),
    older: ({ older }) => older.burnt.putBack(),
    rows: ({ id, accounts }) => [`secret_version/${id(`secret_version mfa-seed ${accounts.spent}`)}`],
    use: async ({ rita, grants }, { reveals }) => reveals.code(rita, grants.spent, await unusedCode(rita)),
    ...{ ...atUse, action: "secret.code" },
  },
  {
    id: "F74",
    name: "a version, its mark and ledger with it, is deleted",
    tables: [VERSIONS],
    make: remove(VERSIONS, (scene) => version("acme")(scene)),
    rows: (scene) => [`secret_version/${version("acme")(scene)}`],
    ...{ use: openHeld, ...atUse, action: "account.import" },
  },
];

function password(name: "acme" | "globex"): (scene: Scene) => string {
  return ({ id, accounts }) => id(`secret root-password ${accounts[name]}`);
}
function version(name: "acme" | "globex" | "spent"): (scene: Scene) => string {
  return ({ id, accounts }) => id(`secret_version root-password ${accounts[name]}`);
}
