import { SHOWN, Shown } from "../wire/fields.js";
import { PURPOSE_KINDS, PURPOSE_SCOPES, ROUTES } from "./purpose.js";

/** A purpose, or a task that has a better way. */
export class PurposeReply {
  @Shown(SHOWN.text) readonly slug!: string;
  @Shown(SHOWN.text) readonly title!: string;
  @Shown({ type: "array", items: { type: "string", enum: [...PURPOSE_SCOPES] } }) readonly scope!: readonly string[];
  @Shown({ type: "string", enum: [...ROUTES] }) readonly route!: string;
  @Shown({ type: "array", items: { type: "string", enum: [...PURPOSE_KINDS] } }) readonly kinds!: readonly string[];
  @Shown({ ...SHOWN.count, description: "Distinct people besides the requester; 0 where nothing is opened at all." })
  readonly approvals!: number;
  @Shown(SHOWN.count) readonly minutes!: number;
  @Shown(SHOWN.count) readonly codes!: number;
  @Shown({ ...SHOWN.flag, description: "May open a burnt password." }) readonly heals!: boolean;
  @Shown({ ...SHOWN.text, nullable: true, description: "What to do instead of seeing a root credential." }) readonly way!: string | null;
}

/** The catalogue. */
export class PurposesReply {
  @Shown(SHOWN.text) readonly catalogue!: string;
  @Shown({ type: () => [PurposeReply] }) readonly items!: readonly PurposeReply[];
  @Shown(SHOWN.next) readonly next!: string | null;
}
