import { newEventId } from "../kernel/ids.js";
import type { EntryActor, EntryDraft } from "./entry.js";

/** A draft with an event id of its own; give `id` where the event must not happen twice. */
export function draftEntry(draft: Omit<EntryDraft, "id"> & { readonly id?: string }): EntryDraft {
  return { id: newEventId(), ...draft };
}

/** The person who acts. */
export function personActor(id: string): EntryActor {
  return { type: "person", id };
}

export const SYSTEM_ACTOR: EntryActor = Object.freeze({ type: "system" });
export const ANONYMOUS_ACTOR: EntryActor = Object.freeze({ type: "anonymous" });
