import { Controller, Get, Param, Query, Res, StreamableFile } from "@nestjs/common";
import { ApiOkResponse, ApiTags } from "@nestjs/swagger";
import { RootkeepError } from "../kernel/errors.js";
import { Operation } from "../wire/operation.decorator.js";
import { parsePage } from "../wire/paging.js";
import type { HeaderReply } from "../wire/reply.js";
import { DisclosuresQuery, DisclosuresReply, EntriesQuery, EntriesReply, HeadReply } from "./audit.dto.js";
import { AuditReader } from "./audit-reader.service.js";

/** Entries whose disclosures are given at once. */
const DISCLOSED_ENTRIES_MAX = 25_600;

/** The log for those who check it. */
@ApiTags("audit")
@Controller("v1/audit")
export class AuditController {
  constructor(private readonly reader: AuditReader) {}

  @Get("head")
  @Operation("audit.read")
  @ApiOkResponse({ type: HeadReply, description: "Size and last leaf of the log." })
  async head(): Promise<HeadReply> {
    return await this.reader.head();
  }

  @Get("entries")
  @Operation("audit.read")
  @ApiOkResponse({ type: EntriesReply, description: "Entries, parsed, in their order." })
  async entries(@Query() query: EntriesQuery): Promise<EntriesReply> {
    const { limit } = parsePage({ limit: query.limit });
    const from = query.after === undefined ? 0 : Number(query.after) + 1;
    const rows = await this.reader.entries(from, limit + 1);
    const items = rows.slice(0, limit);
    const last = items.at(-1);
    return { items, next: rows.length > limit && last !== undefined ? String(last.seq) : null };
  }

  @Get("bundles/:n")
  @Operation("audit.export")
  @ApiOkResponse({
    description: "C2SP entry bundle n: the bytes of entries 256n to 256n+255, as far as they exist.",
    content: { "application/octet-stream": { schema: { type: "string", format: "binary" } } },
    headers: { "Audit-Size": { description: "Size of the log that it was cut from.", schema: { type: "integer" } } },
  })
  async bundle(@Param("n") n: string, @Res({ passthrough: true }) reply: HeaderReply): Promise<StreamableFile> {
    if (!/^(?:0|[1-9]\d{0,8})$/.test(n)) throw new RootkeepError("NOT_FOUND");
    const { bytes, size } = await this.reader.bundle(Number(n));
    reply.header("Audit-Size", String(size));
    return new StreamableFile(bytes, { type: "application/octet-stream", length: bytes.length });
  }

  @Get("disclosures")
  @Operation("audit.export")
  @ApiOkResponse({ type: DisclosuresReply, description: "Openings of the commitments in a range of entries." })
  async disclosures(@Query() query: DisclosuresQuery): Promise<DisclosuresReply> {
    const [from, to] = [Number(query.from), Number(query.to)];
    if (to < from || to - from > DISCLOSED_ENTRIES_MAX) {
      throw new RootkeepError("MALFORMED", {
        fields: [{ field: "to", rule: `is from 0 to ${String(DISCLOSED_ENTRIES_MAX)} behind from` }],
      });
    }
    const rows = await this.reader.disclosures(from, to);
    return { items: rows.map(({ seq, field, salt, value }) => ({ seq, field, salt: salt.toString("base64"), value })), next: null };
  }
}
