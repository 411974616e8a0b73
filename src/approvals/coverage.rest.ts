import { Controller, Get } from "@nestjs/common";
import { ApiOkResponse, ApiTags } from "@nestjs/swagger";
import { Reading } from "../people/reading.service.js";
import { CurrentPerson } from "../wire/caller.decorator.js";
import type { PersonCaller } from "../wire/caller.js";
import { Operation } from "../wire/operation.decorator.js";
import { CoverageReply } from "./coverage.dto.js";
import { CoverageWatch } from "./coverage-watch.service.js";

/** Which accounts have too few people. */
@ApiTags("allowlist")
@Controller("v1/allowlist/coverage")
export class CoverageController {
  constructor(
    private readonly coverage: CoverageWatch,
    private readonly reading: Reading,
  ) {}

  @Get()
  @Operation("allowlist.report")
  @ApiOkResponse({
    type: CoverageReply,
    description: "Accounts for which fewer people may ask or approve than their purposes need when all accounts were looked at last.",
  })
  async read(@CurrentPerson() { personId }: PersonCaller): Promise<CoverageReply> {
    await this.reading.assertAll(personId, "allowlist.report");
    const { at, ...look } = await this.coverage.current();
    return { at: at.toISOString(), ...look };
  }
}
