// More forgeries in the log itself: entries that claim a decision about people, without the mark that it carries or the rows that it changes.
import { draftEntry, personActor, SYSTEM_ACTOR } from "../../../src/audit/draft.js";
import { newId } from "../../../src/kernel/ids.js";
import { unusedCode } from "../../support/act-code.js";
import type { EntryForgery } from "./on-entries.js";

const use: EntryForgery["use"] = async ({ mal }, { reveals }) =>
  reveals.reveal(mal, newId("grant"), "root-password", await unusedCode(mal));
const nothing = { options: {}, use, answer: "NOT_FOUND", heard: "at use" } as const;

export const ON_CLAIMS: readonly EntryForgery[] = [
  {
    id: "F92",
    name: "an entry recovers the custodians, with an HMAC of zeros",
    draft: () =>
      draftEntry({
        action: "people.recovered",
        outcome: "committed",
        actor: SYSTEM_ACTOR,
        details: { custodians: [], suspended: [], stood: 0, recoveryMac: "00".repeat(32) },
      }),
    ...nothing,
  },
  {
    id: "F93",
    name: "an entry founds the deployment again, and leaves the HMAC out",
    draft: () => draftEntry({ action: "people.founded", outcome: "committed", actor: SYSTEM_ACTOR, details: { custodians: [] } }),
    ...nothing,
  },
  {
    id: "F94",
    name: "an entry says that somebody has left, and lists no row",
    draft: ({ rita }) =>
      draftEntry({
        action: "person.leave",
        outcome: "committed",
        actor: personActor(newId("person")),
        target: { type: "person", id: rita.personId },
      }),
    ...nothing,
  },
];
