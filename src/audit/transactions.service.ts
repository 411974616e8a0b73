import { TransactionRunner } from "../database/transaction-runner.service.js";
import type { EntryDraft } from "./entry.js";
import type { AuditReceipt } from "./receipt.js";

/** The transaction runner with the log behind it: what every use case injects. */
export class Transactions extends TransactionRunner<EntryDraft, AuditReceipt> {}
