import { SHOWN, Shown, TextField } from "../wire/fields.js";

const COUNT = { max: 12, pattern: /^(?:0|[1-9]\d{0,11})$/ } as const;
const HASH = { type: "string", format: "byte", description: "SHA-256, base64." };
const BYTES = { type: "string", format: "byte", description: "The exact bytes of the entry, base64: what is hashed." };

/** A leaf of a heartbeat's tree of heads, with its proof. */
export class TipReply {
  @Shown({ ...SHOWN.text, description: "Our id of the account, or `global`." }) readonly stream!: string;
  @Shown({ ...SHOWN.count, description: "Number of entries." }) readonly size!: number;
  @Shown({ ...HASH, description: "Leaf hash of the last entry, base64; of `global` the root over the leaf hashes of all." })
  readonly leaf!: string;
  @Shown({ ...SHOWN.count, description: "Place in the tree of heads." }) readonly index!: number;
  @Shown({ type: "array", items: HASH, description: "From the leaf's sibling upwards." }) readonly hashes!: readonly string[];
}

/** Where an account's own chain stands, and what vouches for it. */
export class AccountHeadReply {
  @Shown({ ...SHOWN.seq, description: "Position of the newest heartbeat that is signed." }) readonly heartbeatSeq!: number;
  @Shown(BYTES) readonly heartbeat!: string;
  @Shown({ ...SHOWN.text, description: "The C2SP `.tlog-proof` of the heartbeat." }) readonly proof!: string;
  @Shown({ ...SHOWN.count, description: "Entries that the checkpoint in the proof covers." }) readonly size!: number;
  @Shown({ ...SHOWN.count, description: "Leaves of the tree of heads." }) readonly streams!: number;
  @Shown({ type: () => TipReply }) readonly account!: TipReply;
  @Shown({ type: () => TipReply }) readonly global!: TipReply;
}

/** `?size=&after=&limit=` of an account's entries: the cursor is a number in its own chain. */
export class ProvenEntriesQuery {
  @TextField({ ...COUNT, rule: "is the size of a checkpoint" }) readonly size!: string;
  @TextField({ ...COUNT, rule: "is a number in the stream", isOptional: true }) readonly after?: string;
  @TextField({ max: 6, isOptional: true, description: "Items at most." }) readonly limit?: string;
}

/** An entry with the proof that it is in the log. */
export class ProvenEntryReply {
  @Shown({ ...SHOWN.count, description: "Number in its stream, from 0." }) readonly number!: number;
  @Shown(SHOWN.seq) readonly seq!: number;
  @Shown(BYTES) readonly entry!: string;
  @Shown({ type: "array", items: HASH, description: "Inclusion proof under the checkpoint of `size` entries." })
  readonly hashes!: readonly string[];
}

/** A run of entries of one stream. */
export class ProvenEntriesReply {
  @Shown({ type: () => [ProvenEntryReply] }) readonly items!: readonly ProvenEntryReply[];
  @Shown({ ...SHOWN.next, description: "Number to go on after; null at the end." }) readonly next!: string | null;
}
