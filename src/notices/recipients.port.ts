import type { Id } from "../kernel/ids.js";
import type { AudienceMember } from "./notice.js";

/** Who people are; `people` adapts it. Read when a message is sent, so that it reaches those who have the role then. */
export interface RecipientsPort {
  /** Everybody whom `audience` names, each once. @throws RootkeepError when rows are refused or the log cannot be followed. */
  resolve(audience: readonly AudienceMember[]): Promise<readonly Id<"person">[]>;
  /** E-mail address of a person; null for nobody. @throws RootkeepError as {@link resolve}. */
  addressOf(personId: Id<"person">): Promise<string | null>;
}
