import { Controller, Get, HttpCode, Param, Post } from "@nestjs/common";
import { ApiNoContentResponse, ApiOkResponse, ApiTags } from "@nestjs/swagger";
import { parseId } from "../kernel/ids.js";
import { CurrentPerson } from "../wire/caller.decorator.js";
import type { PersonCaller } from "../wire/caller.js";
import { Operation } from "../wire/operation.decorator.js";
import { AccessGrants } from "./access-grants.service.js";
import { parseOpenings, parseVersions } from "./granted-version.js";
import { GrantReply } from "./grants.dto.js";

/** Grants, but for their openings, which `secrets` answers. */
@ApiTags("grants")
@Controller("v1/grants")
export class GrantsController {
  constructor(private readonly grants: AccessGrants) {}

  @Get(":id")
  @Operation("grant.read")
  @ApiOkResponse({ type: GrantReply, description: "The grant." })
  async read(@CurrentPerson() { personId }: PersonCaller, @Param("id") id: string): Promise<GrantReply> {
    const grant = await this.grants.readFor(personId, parseId("grant", id));
    const { requestId, holderId, accountId, codesMax, state } = grant;
    return {
      id: grant.id,
      requestId,
      holderId,
      accountId,
      versions: parseVersions(grant.versions).map((version) => ({
        ...version,
        holder: version.holder ?? holderId,
        isCandidate: version.isCandidate === true,
      })),
      codesMax,
      openings: parseOpenings(grant.openings),
      state,
      grantedAt: grant.grantedAt.toISOString(),
      expiresAt: grant.expiresAt.toISOString(),
    };
  }

  @Post(":id/returns")
  @HttpCode(204)
  @Operation("grant.return")
  @ApiNoContentResponse({ description: "Checked in; the account is free again." })
  async giveBack(@CurrentPerson() caller: PersonCaller, @Param("id") id: string): Promise<void> {
    await this.grants.giveBack(caller, parseId("grant", id));
  }

  @Post(":id/revocations")
  @HttpCode(204)
  @Operation("grant.revoke")
  @ApiNoContentResponse({ description: "Ended; nothing more is opened under it." })
  async revoke(@CurrentPerson() caller: PersonCaller, @Param("id") id: string): Promise<void> {
    await this.grants.revoke(caller, parseId("grant", id));
  }
}
