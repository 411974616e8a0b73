import { personActor } from "../../src/audit/draft.js";
import type { EntryDraft } from "../../src/audit/entry.js";
import { newEventId } from "../../src/kernel/ids.js";

/** Accounts whose chains the entries belong to. */
export const STREAMS = 1_000;

/** An entry such as a refused opening is: about 830 bytes, the `count`-th of its log, in the chain of one of {@link STREAMS} accounts. */
export function sampleEntry(count: number, id: string = newEventId()): EntryDraft {
  const account = String(count % STREAMS).padStart(26, "0");
  return {
    id,
    action: "secret.reveal",
    outcome: "denied",
    actor: personActor("per_0123456789abcdefghjkmnpqrs"),
    target: { type: "secret-version", id: `ver_${account}` },
    request: { id: "req_0123456789abcdefghjkmnpqrs", hash: "ab".repeat(32), grant: "grt_0123456789abcdefghjkmnpqrs" },
    details: { code: "NOT_ALLOWLISTED", session: "ses_0123456789abcdefghjkmnpqrs", event: newEventId(), count },
    stream: `acc_${account}`,
  };
}
