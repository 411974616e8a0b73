import { Controller, Get } from "@nestjs/common";
import { ApiOkResponse, ApiTags } from "@nestjs/swagger";
import { Operation } from "../wire/operation.decorator.js";
import { CoverageReply } from "./coverage.dto.js";
import { CoverageWatch } from "./coverage-watch.service.js";

/** Which accounts have too few people. */
@ApiTags("allowlist")
@Controller("v1/allowlist/coverage")
export class CoverageController {
  constructor(private readonly coverage: CoverageWatch) {}

  @Get()
  @Operation("allowlist.report")
  @ApiOkResponse({
    type: CoverageReply,
    description: "Accounts for which fewer people may ask or approve than their purposes need when all accounts were looked at last.",
  })
  async read(): Promise<CoverageReply> {
    const { at, ...look } = await this.coverage.current();
    return { at: at.toISOString(), ...look };
  }
}
