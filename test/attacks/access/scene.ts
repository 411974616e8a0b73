// A deployment in the middle of its work: something of everything that decides, and an insider who works with the database's owner.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bookId } from "../../../src/approvals/policies.service.js";
import type { Id } from "../../../src/kernel/ids.js";
import { createRootKey } from "../../../src/keys/root-keys.service.js";
import { usedCode } from "../../support/act-code.js";
import { CountingRootKey } from "../../support/counting-root-key.js";
import { type Copy, DatabaseOwner } from "../../support/database-owner.js";
import { linkIdentity } from "../../support/link-identity.js";
import { TestProvider } from "../../support/oidc-provider.js";
import { approve, ask, setPolicy, setTeam } from "../../support/policies.js";
import { type Actor, formOf, type Vault } from "../../support/vault.js";
import { PagedVault } from "./paged-vault.js";

type Accounts = Record<
  "acme" | "acmeTwo" | "globex" | "initech" | "spent" | "revoked" | "member" | "glass" | "unheard" | "halves",
  Id<"account">
>;
type Requests = Record<
  "held" | "again" | "open" | "denied" | "suspended" | "apart" | "own" | "invited" | "reviewed" | "unheard" | "ended",
  Id<"request">
>;
type Grants = Record<"held" | "spent" | "revoked" | "reviewed" | "unheard" | "halves", Id<"grant">>;
/** Rows as they stood before something ended. */
type Older = Record<"denied" | "suspended" | "spent" | "burnt" | "revoked" | "entry" | "session" | "account" | "step" | "halves", Copy>;

export interface Scene {
  readonly paged: PagedVault;
  readonly vault: Vault;
  readonly rootKey: CountingRootKey;
  readonly owner: DatabaseOwner;
  readonly provider: TestProvider;
  readonly ada: Actor;
  readonly ben: Actor;
  readonly rita: Actor;
  readonly alan: Actor;
  readonly otto: Actor;
  /** The insider: may ask for Globex alone, was an approver once. */
  readonly mal: Actor;
  /** Approved, and was suspended. */
  readonly sue: Actor;
  /** Rita, signed in at the company's provider. */
  readonly ritaAtWork: Actor;
  /** A session that Rita has ended. */
  readonly endedToken: string;
  readonly endedSession: string;
  readonly accounts: Accounts;
  readonly requests: Requests;
  readonly grants: Grants;
  readonly older: Older;
  readonly books: { readonly older: string; readonly newest: string; readonly next: string };
  /** Ids of other rows, by what they are: `table where`. */
  id(of: string): string;
  close(): Promise<void>;
}

/** Plays everything up to the moment of the attacks. */
export async function openScene(): Promise<Scene> {
  const directory = mkdtempSync(join(tmpdir(), "rootkeep-attack-"));
  const rootKey = new CountingRootKey(createRootKey(`file:${join(directory, "root-key.json")}`));
  const provider = await TestProvider.start();
  const paged = await PagedVault.open({ rootKey, provider: { config: provider.config() } });
  const { vault } = paged;
  const [ada, ben] = await vault.found();
  let rita = await vault.enrol("Rita Requester", ["requester"]);
  const alan = await vault.enrol("Alan Approver", ["approver"]);
  const otto = await vault.enrol("Otto Other", ["requester", "approver"]);
  let mal = await vault.enrol("Mallory Insider", ["approver"]);
  await vault.allow(mal.personId, "requester", { kind: "customer", values: ["Globex"] });
  const sue = await vault.enrol("Sue Suspended", ["approver"]);

  await linkIdentity(vault, provider, rita, "rita-at-work");
  rita = await vault.signIn(rita.email, rita.app);
  const { loginToken, authorizationUrl } = await vault.people.provider.signIn.begin("sign-in");
  const response = await provider.visit(authorizationUrl, "rita-at-work");
  const atWork = await vault.people.provider.signIn.complete({ loginToken, response }, await rita.app.next(), "127.0.0.1");

  const owner = await DatabaseOwner.take(vault.database);
  const older: Partial<Older> = {};
  const keep = async (name: keyof Older, table: string, where: string): Promise<void> => {
    older[name] = await owner.copy(table, where);
  };
  await keep("entry", "people.allowlist_entry", `person_id = '${mal.personId}' AND role = 'approver'`);
  const approving = (await vault.people.allowlist.list()).find(({ personId, role }) => personId === mal.personId && role === "approver");
  await vault.people.allowlist.revoke(approving?.id as Id<"allowlist">, ada.personId);
  mal = await vault.signIn(mal.email, mal.app);
  const ended = await vault.signIn(rita.email, rita.app);
  await keep("session", "people.session", `id = '${ended.sessionId}'`);
  await vault.people.sessions.revoke(rita.personId, ended.sessionId);

  const customers = { globex: "Globex", initech: "Initech", halves: "Umbrella" } as Readonly<Record<string, string>>;
  const accounts: Partial<Accounts> = {};
  const names = ["acme", "acmeTwo", "globex", "initech", "spent", "revoked", "member", "glass", "unheard", "halves"] as const;
  for (const [index, name] of names.entries()) {
    const kind = name === "member" ? "member" : "standalone";
    accounts[name] = await vault.import(String(111122220000 + index), { customer: customers[name] ?? "Acme", kind });
  }
  const all = accounts as Accounts;
  await setPolicy(vault, "globex", { scope: { kind: "customer", values: ["Globex"] }, minutes: 30 });
  await setPolicy(vault, "globex", {
    scope: { kind: "customer", values: ["Globex"] },
    approvals: 2,
    minutes: 10,
    kinds: ["root-password"],
  });
  await setPolicy(vault, "initech", { scope: { kind: "customer", values: ["Initech"] }, otherTeam: true });
  await setPolicy(vault, "umbrella", { scope: { kind: "customer", values: ["Umbrella"] }, split: true });
  await setTeam(vault, rita, "operations");
  await setTeam(vault, alan, "operations");
  const { number } = await vault.policies.current();

  const requests: Partial<Requests> = {};
  const grants: Partial<Grants> = {};
  const granted = async (name: keyof Grants, who: Actor, account: Id<"account">): Promise<Id<"request">> => {
    const made = await vault.grant(who, [alan], account);
    grants[name] = made.grantId;
    return made.requestId;
  };
  await keep("account", "accounts.account", `id = '${all.acme}'`);
  requests.again = await ask(vault, rita, all.acme);
  requests.held = await granted("held", rita, all.acme);
  requests.open = await ask(vault, mal, all.globex);
  requests.suspended = await ask(vault, mal, all.globex);
  await approve(vault, sue, requests.suspended);
  await keep("suspended", "people.person", `id = '${sue.personId}'`);
  await vault.people.people.suspend(sue.personId, ada.personId);
  requests.denied = await ask(vault, rita, all.acmeTwo);
  await keep("denied", "approvals.request", `id = '${requests.denied}'`);
  await vault.requests.deny(alan, requests.denied, "not today");
  requests.apart = await ask(vault, rita, all.initech);
  requests.own = await ask(vault, otto, all.acmeTwo);

  await granted("spent", rita, all.spent);
  await keep("spent", "approvals.access_grant", `id = '${grants.spent ?? ""}'`);
  await keep("burnt", "secrets.secret_version", "true");
  await vault.open(rita, grants.spent ?? "grt_");
  await vault.reveals.code(rita, grants.spent ?? "grt_", await rita.app.next());
  const half = await ask(vault, rita, all.halves, { kinds: ["root-password"] });
  await approve(vault, alan, half);
  grants.halves = (await vault.requests.read(half)).grantId ?? "grt_";
  await keep("halves", "approvals.access_grant", `id = '${grants.halves}'`);
  await vault.open(rita, grants.halves);
  await vault.grants.giveBack(rita, grants.halves);
  requests.ended = await granted("revoked", otto, all.revoked);
  await keep("revoked", "approvals.access_grant", `id = '${grants.revoked ?? ""}'`);
  await vault.grants.revoke(alan, grants.revoked ?? "grt_");

  const glass = async (name: "reviewed" | "unheard", account: Id<"account">): Promise<void> => {
    const form = formOf({
      operation: "secret.reveal",
      accountId: account,
      purpose: "account-email-change",
      ticket: "INC-7",
      breakGlass: true,
    });
    const { requestId } = await vault.requests.submit(rita, form);
    await approve(vault, alan, requestId);
    requests[name] = requestId;
    grants[name] = (await vault.requests.read(requestId)).grantId ?? "grt_";
  };
  await glass("reviewed", all.glass);
  await vault.grants.giveBack(rita, grants.reviewed ?? "grt_");
  await glass("unheard", all.unheard);
  await vault.decide({ operation: "brake.raise", subject: { openings: 5, minutes: 60 } });
  ({ requestId: requests.invited } = await vault.decide({ operation: "person.enrol", subject: { name: "Ivy", email: "ivy@example.com" } }));
  // A code that was accepted, and the authenticator as it stood before.
  await keep("step", "people.authenticator", `person_id = '${alan.personId}' AND kind = 'totp'`);
  await approve(vault, alan, requests.open);
  for (const actor of [ada, ben, rita, alan, otto, mal]) usedCode(actor);

  const ids = new Map<string, string>();
  const find = async (table: string, where: string): Promise<void> => {
    for (const { id, of } of await owner.rows<{ id: string; of: string }>(`SELECT id, ${where} AS of FROM ${table}`))
      ids.set(`${table.slice(table.indexOf(".") + 1)} ${of}`, id);
  };
  await find("people.authenticator", "kind || ' ' || person_id");
  await find("people.allowlist_entry", "role || ' ' || person_id");
  await find("people.identity", "person_id");
  await find("people.invitation", "request_id");
  await find("approvals.approval", "request_id");
  await find("approvals.glass_use", "account_id");
  await find("approvals.brake_raise", "'deployment'");
  await find("secrets.secret", "kind || ' ' || account_id");
  await find(
    "secrets.secret_version",
    "(SELECT kind || ' ' || account_id FROM secrets.secret s WHERE s.id = secrets.secret_version.secret_id)",
  );
  return {
    ...{ paged, vault, rootKey, owner, provider, ada, ben, rita, alan, otto, mal, sue, accounts: all },
    ritaAtWork: { ...rita, ...atWork },
    endedToken: ended.token,
    endedSession: ended.sessionId,
    requests: requests as Requests,
    grants: grants as Grants,
    older: older as Older,
    books: { older: bookId(number - 1), newest: bookId(number), next: bookId(number + 1) },
    id: (of) => {
      const id = ids.get(of);
      if (id === undefined) throw new Error(`there is no ${of}`);
      return id;
    },
    close: async () => {
      await owner.close();
      await vault.drop();
      await provider.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
