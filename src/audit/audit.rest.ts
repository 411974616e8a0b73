import { Controller, Get, Query } from "@nestjs/common";
import { ApiOkResponse, ApiTags } from "@nestjs/swagger";
import { RootkeepError } from "../kernel/errors.js";
import { CurrentPerson } from "../wire/caller.decorator.js";
import type { PersonCaller } from "../wire/caller.js";
import { Operation } from "../wire/operation.decorator.js";
import { parsePage } from "../wire/paging.js";
import { DisclosuresQuery, DisclosuresReply, EntriesQuery, EntriesReply, HeadReply } from "./audit.dto.js";
import { AuditReader } from "./audit-reader.service.js";
import { LogReading } from "./log-reading.port.js";

/** Entries whose disclosures are given at once. */
const DISCLOSED_ENTRIES_MAX = 25_600;

/** The log for those who check it. */
@ApiTags("audit")
@Controller("v1/audit")
export class AuditController {
  constructor(
    private readonly reader: AuditReader,
    private readonly reading: LogReading,
  ) {}

  @Get("head")
  @Operation("audit.read")
  @ApiOkResponse({ type: HeadReply, description: "Size and last leaf of the log." })
  async head(): Promise<HeadReply> {
    return await this.reader.head();
  }

  @Get("entries")
  @Operation("audit.read")
  @ApiOkResponse({ type: EntriesReply, description: "Entries, parsed, in their order." })
  async entries(@CurrentPerson() { personId }: PersonCaller, @Query() query: EntriesQuery): Promise<EntriesReply> {
    await this.reading.assertAll(personId, "audit.read");
    const { limit } = parsePage({ limit: query.limit });
    const from = query.after === undefined ? 0 : Number(query.after) + 1;
    const rows = await this.reader.entries(from, limit + 1);
    const items = rows.slice(0, limit);
    const last = items.at(-1);
    return { items, next: rows.length > limit && last !== undefined ? String(last.seq) : null };
  }

  @Get("disclosures")
  @Operation("audit.export")
  @ApiOkResponse({ type: DisclosuresReply, description: "Openings of the commitments in a range of entries." })
  async disclosures(@CurrentPerson() { personId }: PersonCaller, @Query() query: DisclosuresQuery): Promise<DisclosuresReply> {
    await this.reading.assertAll(personId, "audit.export");
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
