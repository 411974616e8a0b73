import type { WorkTransaction } from "../database/work-transaction.js";
import type { Id } from "../kernel/ids.js";
import type { Person } from "./person.entity.js";

/** A custodian takes one half of an invitation, and a second factor says that it is they. */
export interface Taking {
  /** The request whose approval made the invitation. */
  readonly requestId: Id<"request">;
  readonly invitation: Id<"invitation">;
  readonly half: "link" | "code";
  readonly person: Id<"person">;
  /** What confirmed it. */
  readonly authenticator: Id<"authenticator">;
  /** The custodian's own row: what was approved before its newest change is theirs no more. */
  readonly since: Pick<Person, "seq">;
}

/** Statements are about requests, which the module above keeps: it provides them. */
export interface TakingStatementPort {
  /**
   * The text that the second factor confirms (docs/spec/approval-statement.md).
   * @throws RootkeepError `ROW_REFUSED` for an invitation whose request is gone or was edited; `APPROVAL_EXPIRED` for somebody who has left
   *   since it was approved, also after coming back.
   */
  statementOf(tx: WorkTransaction, taking: Taking): Promise<string>;
}
