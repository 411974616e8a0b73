import { SHOWN, Shown, TextField } from "../wire/fields.js";

const HEX = { type: "string", pattern: "^[0-9a-f]{64}$", description: "SHA-256, lower-case hex." };

/** Where the log stands. */
export class HeadReply {
  @Shown(SHOWN.text) readonly origin!: string;
  @Shown({ ...SHOWN.count, description: "Number of entries." }) readonly size!: number;
  @Shown({ ...HEX, description: "Leaf hash of the last entry, lower-case hex." }) readonly head!: string;
}

/** `?after=&limit=` of the entries: here the cursor is a position in the log. */
export class EntriesQuery {
  @TextField({ max: 12, pattern: /^(?:0|[1-9]\d{0,11})$/, rule: "is a position in the log", isOptional: true }) readonly after?: string;
  @TextField({ max: 6, isOptional: true, description: "Items at most." }) readonly limit?: string;
}

/** An entry and its hash. */
export class EntryReply {
  @Shown(SHOWN.count) readonly seq!: number;
  @Shown(HEX) readonly leaf!: string;
  @Shown({ ...SHOWN.object, description: "The entry as it was parsed. What is hashed is its bytes: take them from a bundle." })
  readonly entry!: Readonly<Record<string, unknown>>;
}

/** A run of entries. */
export class EntriesReply {
  @Shown({ type: () => [EntryReply] }) readonly items!: readonly EntryReply[];
  @Shown({ ...SHOWN.next, description: "Position to go on after; null at the end." }) readonly next!: string | null;
}

/** Which commitments are to be opened: entries `from` (inclusive) to `to` (exclusive). */
export class DisclosuresQuery {
  @TextField({ max: 12, pattern: /^(?:0|[1-9]\d{0,11})$/, rule: "is a position in the log" }) readonly from!: string;
  @TextField({ max: 12, pattern: /^(?:0|[1-9]\d{0,11})$/, rule: "is a position in the log" }) readonly to!: string;
}

/** The opening of one commitment. */
export class DisclosureReply {
  @Shown(SHOWN.count) readonly seq!: number;
  @Shown(SHOWN.text) readonly field!: string;
  @Shown({ type: "string", format: "byte", description: "Salt, base64." }) readonly salt!: string;
  @Shown(SHOWN.text) readonly value!: string;
}

/** All openings of the range that have not been erased. */
export class DisclosuresReply {
  @Shown({ type: () => [DisclosureReply] }) readonly items!: readonly DisclosureReply[];
  @Shown(SHOWN.next) readonly next!: string | null;
}
