import type { Id } from "../kernel/ids.js";
import { everyone, type Notice } from "../notices/notice.js";

/**
 * To the person and to every custodian: nobody becomes somebody, or stops being it, without those hearing of it who could object
 * (design §2).
 */
export function personNotice(
  what: "enrolled" | "confirmed" | "reset" | "suspended" | "restored" | "left" | "linking" | "linked",
  personId: Id<"person">,
  by: { readonly askedBy?: Id<"person">; readonly approvedBy?: Id<"person"> } = {},
): Notice {
  const facts = {
    person: personId,
    ...(by.askedBy === undefined ? {} : { "asked by": by.askedBy }),
    ...(by.approvedBy === undefined ? {} : { "decided by": by.approvedBy }),
  };
  return { topic: `person.${what}`, facts, audience: [{ person: personId }, everyone("custodian")] };
}
