import { SHOWN, Shown } from "../wire/fields.js";

/** An entry of the log with its proof. */
export class ProvenEntryText {
  @Shown(SHOWN.seq) readonly seq!: number;
  @Shown({ type: "string", format: "byte", description: "The exact bytes of the entry, base64: what is hashed." }) readonly entry!: string;
  @Shown({ ...SHOWN.text, description: "The C2SP `.tlog-proof` of the entry." }) readonly proof!: string;
}

/** A certificate of destruction (docs/spec/destruction-certificate.md). */
export class DestructionReply {
  @Shown({ type: "string", enum: ["rootkeep-destruction-certificate/1"] }) readonly format!: string;
  @Shown({ type: "object", additionalProperties: true, description: "What was destroyed; its hash stands in the log." })
  readonly body!: object;
  @Shown({ type: () => [ProvenEntryText] }) readonly entries!: readonly ProvenEntryText[];
  @Shown({ ...SHOWN.text, description: "The log's keys, as `log.vkey` has them." }) readonly keys!: string;
}
