// A vault whose row checks (law L11) are switched off, so that a test sees whether the other guards of a law hold by themselves.
import { AccessGrants } from "../../src/approvals/access-grants.service.js";
import { CATALOGUE } from "../../src/approvals/catalogue.js";
import { Glass } from "../../src/approvals/glass.service.js";
import { OpeningBrake } from "../../src/approvals/opening-brake.service.js";
import type { Catalogue } from "../../src/approvals/purpose.js";
import { Requests } from "../../src/approvals/requests.service.js";
import { revealAct } from "../../src/approvals/reveal-act.service.js";
import { type Coverage, NO_COVERAGE } from "../../src/audit/coverage.port.js";
import { Transactions } from "../../src/audit/transactions.service.js";
import { SYSTEM_CLOCK } from "../../src/kernel/clock.js";
import { DataKeys } from "../../src/keys/data-keys.service.js";
import { Pager } from "../../src/notices/pager.service.js";
import { CutRule } from "../../src/people/cut-rule.js";
import { LapseRule } from "../../src/people/lapse.js";
import { NoticeRecipients } from "../../src/people/notice-recipients.service.js";
import { RevealSecret } from "../../src/secrets/reveal-secret.service.js";
import { ToldSystem } from "../../src/tickets/post-ticket-update.service.js";
import { NO_BRAKE, type Vault } from "./vault.js";

export interface Openers {
  readonly requests: Requests;
  readonly grants: AccessGrants;
  readonly reveals: RevealSecret;
}

/** The services of an opening over `vault`, under another catalogue, over transactions of another kind, or waiting for a guard. */
export function openersOf(
  vault: Vault,
  catalogue: Catalogue = CATALOGUE,
  transactions: Transactions = vault.transactions,
  coverage: Coverage = NO_COVERAGE,
): Openers {
  const act = revealAct(catalogue, vault.secrets);
  const { stepUp } = vault.people;
  const pager = new Pager([], new NoticeRecipients(transactions), { deployment: "test", publicUrl: null });
  const glass = new Glass(transactions, stepUp, pager);
  const grants = new AccessGrants(transactions, stepUp, act, new OpeningBrake(vault.log, transactions, NO_BRAKE), glass, vault.ticketLooks);
  const requests = new Requests(transactions, stepUp, [act], { logOrigin: "rootkeep.test/audit/test/1", tickets: vault.ticketLooks });
  const reveals = new RevealSecret(vault.dataSource, transactions, vault.log, grants, vault.trust, vault.keys, new DataKeys(), coverage, {
    clock: SYSTEM_CLOCK,
    demandsDeliveryKey: false,
  });
  return { requests, grants, reveals };
}

/** Transactions that take every row for what it says: its HMAC for right, and its seq for the newest. */
export function blindTransactions(vault: Vault): Transactions {
  const seqs = new Map<string, number>();
  const rowMac = {
    mac(bytes: Buffer): Buffer {
      const [, table = "", ...columns] = fieldsOf(bytes);
      const valueOf = (name: string): string => (columns[columns.indexOf(name) + 1] ?? "").slice(1);
      seqs.set(`${table}/${valueOf("id")}`, Number(valueOf("seq")));
      const mac = vault.keys.records.mac(bytes);
      mac.equals = () => true;
      return mac;
    },
  };
  const log = new Proxy(vault.log, {
    get(target, name) {
      if (name === "newestSeq") return (key: string) => seqs.get(key);
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
  const transactions = new Transactions(vault.dataSource, log, rowMac);
  transactions.lend(CutRule, vault.certification);
  transactions.lend(LapseRule, vault.certification);
  transactions.lend(ToldSystem, new ToldSystem(null, vault.trust.tickets()));
  return transactions;
}

/** The fields of an injective encoding. */
function fieldsOf(bytes: Buffer): string[] {
  const fields: string[] = [];
  for (let at = 4; at < bytes.length; ) {
    const end = at + 4 + bytes.readUInt32BE(at);
    fields.push(bytes.toString("utf8", at + 4, end));
    at = end;
  }
  return fields;
}
