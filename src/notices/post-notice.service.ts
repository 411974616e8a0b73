import type { WorkTransaction } from "../database/work-transaction.js";
import type { Notice } from "./notice.js";
import { Outbox } from "./outbox.repository.js";

/**
 * Notes, in the transaction of the act, that people are to be told of it: committed with it or not at all, so a notice is neither lost nor
 * sent for what never happened. Nothing is sent here, and no channel can hold the act up.
 */
export async function postNotice(tx: WorkTransaction, notice: Notice): Promise<void> {
  await Outbox.post(tx.manager, notice);
}
