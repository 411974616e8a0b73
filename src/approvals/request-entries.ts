import { draftEntry, personActor } from "../audit/draft.js";
import type { EntryDraft } from "../audit/entry.js";
import type { Id } from "../kernel/ids.js";
import type { Sighting } from "../tickets/ticket-check.service.js";
import { isGlass } from "./glass-terms.js";
import type { Request } from "./request.entity.js";
import type { RequestBody } from "./request-body.js";

/** The entry of a request that was asked for: its terms in the clear, the reason and what the act discloses as commitments only. */
export function submission(
  row: Request,
  body: RequestBody,
  disclosures: readonly { field: string; value: string }[],
  sighting: Sighting | null,
): EntryDraft {
  return draftEntry({
    action: "request.submit",
    outcome: "committed",
    actor: personActor(row.requesterId),
    target: { type: "request", id: row.id },
    request: { id: row.id, hash: row.hash.toString("hex") },
    details: {
      operation: body.operation,
      approvals: body.policy.approvals,
      policy: body.policy.version,
      ...(body.purpose === null ? {} : { purpose: body.purpose.slug, catalogue: body.purpose.catalogue }),
      ...(body.ticket === null ? {} : { ticket: body.ticket }),
      ...sighting,
      ...(row.personId === null ? {} : { person: row.personId }),
      ...(isGlass(body) ? { breakGlass: true } : {}),
      kinds: body.secrets.map(({ kind }) => kind),
    },
    ...(body.account === null ? {} : { stream: body.account.id }),
    disclosures: [{ field: "reason", value: body.reason }, ...disclosures],
  });
}

/** The entry of what a person decided about a request: `reason` is committed to, and left out where it is empty. */
export function decision(
  action: "request.approve" | "request.deny" | "request.withdraw",
  outcome: EntryDraft["outcome"],
  personId: Id<"person">,
  row: Request,
  details: Readonly<Record<string, string | number>>,
  reason: string,
): EntryDraft {
  return draftEntry({
    action,
    outcome,
    actor: personActor(personId),
    target: { type: "request", id: row.id },
    request: { id: row.id, hash: row.hash.toString("hex") },
    details: { operation: row.operation, ...details },
    ...(row.accountId === null ? {} : { stream: row.accountId }),
    disclosures: reason === "" ? [] : [{ field: "reason", value: reason }],
  });
}
