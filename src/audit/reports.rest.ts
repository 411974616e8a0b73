import { Controller, Get, Query } from "@nestjs/common";
import { ApiOkResponse, ApiTags } from "@nestjs/swagger";
import { RootkeepError } from "../kernel/errors.js";
import { CurrentPerson } from "../wire/caller.decorator.js";
import type { PersonCaller } from "../wire/caller.js";
import { Operation } from "../wire/operation.decorator.js";
import { parsePage } from "../wire/paging.js";
import { isEntryTime } from "./entry-form.js";
import { LogReading } from "./log-reading.port.js";
import type { ReportKind } from "./report-line.js";
import { ReportPageQuery, ReportPageReply } from "./reports.dto.js";
import { Reports } from "./reports.service.js";

/** Evidence for those who audit: who asked, approved, opened, checked in, and when. */
@ApiTags("reports")
@Controller("v1/reports")
export class ReportsController {
  constructor(
    private readonly reports: Reports,
    private readonly reading: LogReading,
  ) {}

  @Get("activity")
  @Operation("report.read")
  @ApiOkResponse({
    type: ReportPageReply,
    description:
      "Lines in the order of the log, each proven to a signed checkpoint; of accounts of the caller's entries alone, unless these are over all.",
  })
  async activity(@CurrentPerson() { personId }: PersonCaller, @Query() query: ReportPageQuery): Promise<ReportPageReply> {
    const { limit } = parsePage({ limit: query.limit });
    const { lines, next, origin, size, root } = await this.reports.page({
      from: timeOf("from", query.from),
      to: timeOf("to", query.to),
      after: query.after === undefined ? null : Number(query.after),
      size: query.size === undefined ? null : Number(query.size),
      limit,
      sieve: await this.reading.sieve(personId, "report.read"),
      ...(query.person === undefined ? {} : { person: query.person }),
      ...(query.account === undefined ? {} : { account: query.account }),
      ...(query.kinds === undefined ? {} : { kinds: query.kinds.split(",") as ReportKind[] }),
    });
    return { items: lines, next: next === null ? null : String(next), origin, size, root };
  }
}

/** A day or time as entries write it, to the microsecond. @throws RootkeepError `MALFORMED` for a day that the calendar has not. */
function timeOf(field: string, text: string | undefined): string | null {
  if (text === undefined) return null;
  const [day = "", clock = "00:00:00Z"] = text.split("T");
  const [seconds = "", fraction = ""] = clock.slice(0, -1).split(".");
  const time = `${day}T${seconds}.${fraction.padEnd(6, "0")}Z`;
  if (!isEntryTime(time)) throw new RootkeepError("MALFORMED", { fields: [{ field, rule: "is a day and time that there is" }] });
  return time;
}
