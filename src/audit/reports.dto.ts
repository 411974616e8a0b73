import { SHOWN, Shown, TextField } from "../wire/fields.js";
import { REPORT_COLUMNS, REPORT_KINDS, type ReportLine } from "./report-line.js";

const POSITION = { max: 12, pattern: /^(?:0|[1-9]\d{0,11})$/, isOptional: true } as const;
const TIME = {
  max: 27,
  pattern: /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d:\d\d(?:\.\d{1,6})?Z)?$/,
  rule: "is a day or a time in UTC, such as 2026-03-01 or 2026-03-01T12:00:00Z",
  isOptional: true,
} as const;
const KINDS = new RegExp(`^(?:${REPORT_KINDS.join("|")})(?:,(?:${REPORT_KINDS.join("|")}))*$`);

/** Which evidence is wanted; each part that is left out bars nothing. */
export class ReportPageQuery {
  @TextField({ ...TIME, description: "Only from this day or time on." }) readonly from?: string;
  @TextField({ ...TIME, description: "Only before this day or time." }) readonly to?: string;
  @TextField({ max: 30, pattern: /^per_[0-9a-z]{26}$/, rule: "is the id of a person", isOptional: true }) readonly person?: string;
  @TextField({ max: 30, pattern: /^acc_[0-9a-z]{26}$/, rule: "is the id of an account", isOptional: true }) readonly account?: string;
  @TextField({ max: 160, pattern: KINDS, rule: `is a list, with commas, out of ${REPORT_KINDS.join(", ")}`, isOptional: true })
  readonly kinds?: string;
  @TextField({ ...POSITION, rule: "is the size of a checkpoint", description: "`size` of the first page: all pages rest on one tree." })
  readonly size?: string;
  @TextField({ ...POSITION, rule: "is a position in the log" }) readonly after?: string;
  @TextField({ max: 6, isOptional: true, description: "Lines at most." }) readonly limit?: string;
}

const LINE = {
  type: "object",
  description: "One entry of the log; docs/evidence.md has the columns. `leaf` is the hash of its bytes: compare it with an export.",
  properties: {
    ...Object.fromEntries(REPORT_COLUMNS.map((name) => [name, { type: ["string", "integer", "null"] }])),
    seq: { type: "integer", minimum: 0 },
    leaf: { type: "string", pattern: "^[0-9a-f]{64}$" },
    kind: { type: "string", enum: [...REPORT_KINDS] },
  },
  required: [...REPORT_COLUMNS],
};

/** A page of a report. It may hold no line and not be the last: a call reads a bounded part of the log. */
export class ReportPageReply {
  @Shown({ type: "array", items: LINE }) readonly items!: readonly ReportLine[];
  @Shown({ ...SHOWN.next, description: "Position to go on after; null at the end." }) readonly next!: string | null;
  @Shown(SHOWN.text) readonly origin!: string;
  @Shown({ ...SHOWN.count, description: "Entries under the signed checkpoint that the lines were proven to." }) readonly size!: number;
  @Shown({ type: "string", pattern: "^[0-9a-f]{64}$", description: "Root of that checkpoint's tree, hex." }) readonly root!: string;
}
