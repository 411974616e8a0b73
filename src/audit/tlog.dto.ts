import { SHOWN, Shown, TextField } from "../wire/fields.js";

const COUNT = { max: 12, pattern: /^(?:0|[1-9]\d{0,11})$/ } as const;
const HASH = { type: "string", format: "byte", description: "SHA-256, base64." };

/** `?after=&limit=` of the checkpoints: the cursor is a size. */
export class CheckpointsQuery {
  @TextField({ ...COUNT, rule: "is the size of a checkpoint", isOptional: true }) readonly after?: string;
  @TextField({ max: 6, isOptional: true, description: "Items at most." }) readonly limit?: string;
}

/** A checkpoint that was issued. */
export class CheckpointReply {
  @Shown({ ...SHOWN.count, description: "Number of entries that it covers." }) readonly size!: number;
  @Shown({ ...HASH, description: "Root of the tree over them, base64; what counts is the note." }) readonly root!: string;
  @Shown({ ...SHOWN.text, description: "The signed note, with the cosignatures that there are." }) readonly note!: string;
}

/** A run of checkpoints. */
export class CheckpointsReply {
  @Shown({ type: () => [CheckpointReply] }) readonly items!: readonly CheckpointReply[];
  @Shown({ ...SHOWN.next, description: "Size to go on after; null at the end." }) readonly next!: string | null;
}

/** Which entry is to be proven in a tree of which size. */
export class InclusionQuery {
  @TextField({ ...COUNT, rule: "is a position in the log" }) readonly index!: string;
  @TextField({ ...COUNT, rule: "is a size of the log" }) readonly size!: string;
}

/** An inclusion proof. */
export class InclusionReply {
  @Shown(SHOWN.count) readonly index!: number;
  @Shown(SHOWN.count) readonly size!: number;
  @Shown({ ...HASH, description: "Root of the tree of this size; compare it with a checkpoint's." }) readonly root!: string;
  @Shown({ type: "array", items: HASH, description: "From the leaf's sibling upwards." }) readonly hashes!: readonly string[];
}

/** Which two sizes are to be joined. */
export class ConsistencyQuery {
  @TextField({ ...COUNT, rule: "is a size of the log" }) readonly from!: string;
  @TextField({ ...COUNT, rule: "is a size of the log" }) readonly to!: string;
}

/** A consistency proof. */
export class ConsistencyReply {
  @Shown(SHOWN.count) readonly from!: number;
  @Shown(SHOWN.count) readonly to!: number;
  @Shown({ ...HASH, description: "Root of the smaller tree; compare it with a checkpoint's." }) readonly fromRoot!: string;
  @Shown({ ...HASH, description: "Root of the larger tree; compare it with a checkpoint's." }) readonly toRoot!: string;
  @Shown({ type: "array", items: HASH, description: "As RFC 9162 §2.1.4.1 orders them." }) readonly hashes!: readonly string[];
}
