import { Body, Controller, Param, Post } from "@nestjs/common";
import { ApiCreatedResponse, ApiTags } from "@nestjs/swagger";
import { parseId } from "../kernel/ids.js";
import { CurrentPerson } from "../wire/caller.decorator.js";
import type { PersonCaller } from "../wire/caller.js";
import { Operation } from "../wire/operation.decorator.js";
import { CandidateReply, StageForm } from "./candidates.dto.js";
import { Candidates } from "./candidates.service.js";

/** Candidates: values that are to succeed the working ones of an account. */
@ApiTags("accounts")
@Controller("v1/accounts/:id/candidates")
export class CandidatesController {
  constructor(private readonly candidates: Candidates) {}

  @Post()
  @Operation("candidate.stage")
  @ApiCreatedResponse({ type: CandidateReply, description: "Sealed, read back and copied. Staging again answers with the same one." })
  async stage(@CurrentPerson() caller: PersonCaller, @Param("id") id: string, @Body() { kind }: StageForm): Promise<CandidateReply> {
    const { versionId, ...candidate } = await this.candidates.stage(caller, parseId("account", id), kind);
    return { id: versionId, ...candidate };
  }
}
