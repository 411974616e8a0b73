import { Controller, Get } from "@nestjs/common";
import { ApiOkResponse, ApiTags } from "@nestjs/swagger";
import { Operation } from "../wire/operation.decorator.js";
import { ConfigurationReply } from "./configuration.dto.js";
import { TrustedConfiguration } from "./trusted-configuration.service.js";

/** The trusted configuration; approving it is asked for under /v1/requests. */
@ApiTags("configuration")
@Controller("v1/configuration")
export class ConfigurationController {
  constructor(private readonly trust: TrustedConfiguration) {}

  @Get()
  @Operation("config.read")
  @ApiOkResponse({ type: ConfigurationReply, description: "What is in force, and what was approved." })
  read(): ConfigurationReply {
    const { current, approvedDigest, isApproved } = this.trust;
    return { digest: current.digest, approvedDigest, isApproved, settings: current.settings };
  }
}
