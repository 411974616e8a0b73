import { Controller, Get, HttpCode, Param, Post, Query } from "@nestjs/common";
import { ApiOkResponse, ApiTags } from "@nestjs/swagger";
import { parseId } from "../kernel/ids.js";
import { CurrentPerson } from "../wire/caller.decorator.js";
import type { PersonCaller } from "../wire/caller.js";
import { Operation } from "../wire/operation.decorator.js";
import { PageQuery } from "../wire/page.dto.js";
import { pageOfWhole } from "../wire/whole-list.js";
import { AllowlistReply, AllowlistReportReply, CertificationReply, SeqReply } from "./allowlist.dto.js";
import { Allowlist } from "./allowlist.service.js";
import { AllowlistReport } from "./allowlist-report.service.js";
import { Certification } from "./certification.service.js";
import { Reading } from "./reading.service.js";
import { parseScope } from "./scope.js";

/** The allowlist. Adding to it is asked for under /v1/requests; taking off needs no second custodian. */
@ApiTags("allowlist")
@Controller("v1/allowlist")
export class AllowlistController {
  constructor(
    private readonly allowlist: Allowlist,
    private readonly certification: Certification,
    private readonly reports: AllowlistReport,
    private readonly reading: Reading,
  ) {}

  @Get("certification")
  @Operation("allowlist.list")
  @ApiOkResponse({
    type: CertificationReply,
    description: "Digest of allowlist, teams and policies as they stand, and when two custodians certified it last.",
  })
  async certify(@CurrentPerson() { personId }: PersonCaller): Promise<CertificationReply> {
    await this.reading.assertAll(personId, "allowlist.list");
    const { digest, policies, entries, lapsed } = await this.certification.current();
    const { newest, isMissing } = this.certification;
    return { digest, policies, entries, lapsed, certifiedDigest: newest?.digest ?? null, certifiedSeq: newest?.seq ?? null, isMissing };
  }

  @Get("report")
  @Operation("allowlist.report")
  @ApiOkResponse({
    type: AllowlistReportReply,
    description:
      "Who may do what, over which accounts: every entry that has not ended, who asked for and approved it, when it was certified and is due.",
  })
  async report(@CurrentPerson() { personId }: PersonCaller, @Query() query: PageQuery): Promise<AllowlistReportReply> {
    await this.reading.assertAll(personId, "allowlist.report");
    return pageOfWhole(await this.reports.entries(), query, ({ id }) => id);
  }

  @Get()
  @Operation("allowlist.list")
  @ApiOkResponse({ type: AllowlistReply, description: "All entries, ended ones too." })
  async list(@CurrentPerson() { personId }: PersonCaller, @Query() query: PageQuery): Promise<AllowlistReply> {
    await this.reading.assertAll(personId, "allowlist.list");
    const { items, next } = pageOfWhole(await this.allowlist.list(), query, ({ id }) => id);
    return {
      items: items.map(({ id, personId, role, scope, validFrom, validTo, endedAt }) => ({
        id,
        personId,
        role,
        scope: parseScope(scope),
        validFrom: validFrom.toISOString(),
        validTo: validTo.toISOString(),
        endedAt: endedAt?.toISOString() ?? null,
      })),
      next,
    };
  }

  @Post(":id/revocations")
  @HttpCode(200)
  @Operation("allowlist.revoke")
  @ApiOkResponse({ type: SeqReply, description: "The entry has ended." })
  async revoke(@CurrentPerson() caller: PersonCaller, @Param("id") id: string): Promise<SeqReply> {
    return await this.allowlist.revoke(parseId("allowlist", id), caller.personId);
  }
}
