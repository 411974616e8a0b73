import type { AccountTags } from "../accounts/account.js";
import { readAccount } from "../accounts/account-registry.service.js";
import type { Transactions } from "../audit/transactions.service.js";
import type { WorkTransaction } from "../database/work-transaction.js";
import type { Id } from "../kernel/ids.js";
import type { AudienceMember } from "../notices/notice.js";
import type { RecipientsPort } from "../notices/recipients.port.js";
import { Person } from "./person.entity.js";
import { covers, parseScope } from "./scope.js";
import { holdings } from "./standing.service.js";

/** Who is told: read from rows that are checked against the log, so that nobody has messages sent elsewhere by editing a table. */
export class NoticeRecipients implements RecipientsPort {
  constructor(private readonly transactions: Transactions) {}

  async resolve(audience: readonly AudienceMember[]): Promise<readonly Id<"person">[]> {
    return await this.transactions.peek(async (tx) => {
      const found = new Set<Id<"person">>();
      for (const member of audience) {
        if ("person" in member) found.add(member.person);
        else for (const id of await holdersOf(tx, member)) found.add(id);
      }
      return [...found].sort();
    });
  }

  async addressOf(personId: Id<"person">): Promise<string | null> {
    const person = await this.transactions.peek((tx) => tx.read(Person, personId));
    return person?.email ?? null;
  }
}

async function holdersOf(
  tx: WorkTransaction,
  { role, account: accountId, except }: Extract<AudienceMember, { role: unknown }>,
): Promise<Id<"person">[]> {
  const now = await tx.clock();
  const account = accountId === null ? null : await readAccount(tx, accountId);
  const scoped = account === null ? null : { id: account.id, customer: account.customer, tags: JSON.parse(account.tags) as AccountTags };
  const entries = (await holdings(tx, role, now)).filter(
    (entry) => !except.includes(entry.personId) && (scoped === null || covers(parseScope(entry.scope), scoped)),
  );
  return [...new Set(entries.map(({ personId }) => personId))];
}
