import { LIMITS } from "../kernel/limits.js";
import { TextField } from "./fields.js";

/** `?after=&limit=` of every list; `parsePage` reads the two texts. */
export class PageQuery {
  @TextField({ max: 172, isOptional: true, description: "Cursor of the page before: its `next`." })
  readonly after?: string;

  @TextField({ max: 6, isOptional: true, description: `Items at most, 1 to ${String(LIMITS.pageSizeMax)}.` })
  readonly limit?: string;
}
