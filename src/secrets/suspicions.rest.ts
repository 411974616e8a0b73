import { Body, Controller, Param, Post } from "@nestjs/common";
import { ApiCreatedResponse, ApiTags } from "@nestjs/swagger";
import { parseId } from "../kernel/ids.js";
import { CurrentPerson } from "../wire/caller.decorator.js";
import type { PersonCaller } from "../wire/caller.js";
import { Operation } from "../wire/operation.decorator.js";
import { SuspicionForm, SuspicionReply } from "./rotations.dto.js";
import { SuspectSecret } from "./suspect-secret.service.js";

/** Suspicions: reasons to rotate at once. */
@ApiTags("accounts")
@Controller("v1/accounts/:id/suspicions")
export class SuspicionsController {
  constructor(private readonly secrets: SuspectSecret) {}

  @Post()
  @Operation("secret.suspect")
  @ApiCreatedResponse({ type: SuspicionReply, description: "Noted; the rotation is due." })
  async suspect(@CurrentPerson() caller: PersonCaller, @Param("id") id: string, @Body() { kind }: SuspicionForm): Promise<SuspicionReply> {
    return await this.secrets.suspect(caller, parseId("account", id), kind);
  }
}
