import { ChoiceField, SHOWN, Shown, TextField } from "../wire/fields.js";

/** How an import goes. */
export class ImportQuery {
  @ChoiceField(["reject", "skip"], {
    isOptional: true,
    description: "reject (default): one bad line and nothing is imported. skip: the good lines are.",
  })
  readonly onError?: "reject" | "skip";
  @TextField({
    max: 8,
    pattern: /^[1-9]\d{0,7}$/,
    rule: "is a line number",
    isOptional: true,
    description: "Go on at this line of the file.",
  })
  readonly fromLine?: string;
  @ChoiceField(["true", "false"], { isOptional: true, description: "true: judge the file as an import would, and store nothing." })
  readonly dryRun?: "true" | "false";
  @TextField({
    max: 30,
    pattern: /^imp_[0-9a-z]{26}$/,
    rule: "is the id of an import",
    isOptional: true,
    description: "A new id of the caller's own, by which it asks how far the import is.",
  })
  readonly importId?: string;
}

/** A rule that a line breaks. Never the cell. */
export class LineErrorReply {
  @Shown({ ...SHOWN.count, required: false }) readonly line?: number;
  @Shown(SHOWN.text) readonly field!: string;
  @Shown(SHOWN.text) readonly rule!: string;
}

/** What became of the file. */
export class ImportReply {
  @Shown(SHOWN.id) readonly importId!: string;
  @Shown(SHOWN.count) readonly rows!: number;
  @Shown(SHOWN.count) readonly imported!: number;
  @Shown(SHOWN.count) readonly skipped!: number;
  @Shown({ type: () => [LineErrorReply] }) readonly errors!: readonly LineErrorReply[];
  @Shown(SHOWN.count) readonly lastLine!: number;
}

/** How far an import is. */
export class ImportProgressReply {
  @Shown(SHOWN.id) readonly importId!: string;
  @Shown({ ...SHOWN.count, description: "Accounts stored so far." }) readonly imported!: number;
  @Shown({ ...SHOWN.count, description: "Good lines of the file." }) readonly rows!: number;
  @Shown(SHOWN.count) readonly errors!: number;
  @Shown(SHOWN.flag) readonly isDone!: boolean;
}
