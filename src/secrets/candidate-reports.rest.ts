import { Body, Controller, HttpCode, Param, Post } from "@nestjs/common";
import { ApiOkResponse, ApiTags } from "@nestjs/swagger";
import { parseId } from "../kernel/ids.js";
import { CurrentPerson } from "../wire/caller.decorator.js";
import type { PersonCaller } from "../wire/caller.js";
import { Operation } from "../wire/operation.decorator.js";
import { ReportForm, ReportReply } from "./candidates.dto.js";
import { ReportCandidate } from "./report-candidate.service.js";

/** What became of a candidate, by the word of whoever was shown it. */
@ApiTags("accounts")
@Controller("v1/candidates/:id")
export class CandidateReportsController {
  constructor(private readonly reports: ReportCandidate) {}

  @Post("reports")
  @HttpCode(200)
  @Operation("candidate.report")
  @ApiOkResponse({ type: ReportReply, description: "Noted. It proves nothing: the candidate is in doubt until two others settle it." })
  async report(@CurrentPerson() caller: PersonCaller, @Param("id") id: string, @Body() { outcome }: ReportForm): Promise<ReportReply> {
    return await this.reports.report(caller, parseId("version", id), outcome);
  }
}
