import { Body, Controller, Param, Post } from "@nestjs/common";
import { ApiBody, ApiConsumes, ApiCreatedResponse, ApiTags } from "@nestjs/swagger";
import { RootkeepError } from "../kernel/errors.js";
import { parseId } from "../kernel/ids.js";
import { Secret } from "../kernel/secret.js";
import { CurrentPerson } from "../wire/caller.decorator.js";
import type { PersonCaller } from "../wire/caller.js";
import { Operation } from "../wire/operation.decorator.js";
import { CandidateReply, StageForm } from "./candidates.dto.js";
import { Candidates, type StagedCandidate } from "./candidates.service.js";
import { isBroken, parseSeedText } from "./seed-text.js";

/** Candidates: values that are to succeed the working ones of an account. */
@ApiTags("accounts")
@Controller("v1/accounts/:id/candidates")
export class CandidatesController {
  constructor(private readonly candidates: Candidates) {}

  @Post()
  @Operation("candidate.stage")
  @ApiCreatedResponse({ type: CandidateReply, description: "Sealed, read back and copied. Staging again answers with the same one." })
  async stage(@CurrentPerson() caller: PersonCaller, @Param("id") id: string, @Body() { kind }: StageForm): Promise<CandidateReply> {
    return reply(await this.candidates.stage(caller, parseId("account", id), kind));
  }

  @Post("mfa-seed")
  @Operation("candidate.stage")
  @ApiConsumes("application/octet-stream")
  @ApiBody({
    description: "The seed of the new device in base32, or its otpauth URI; nothing else.",
    schema: { type: "string", format: "binary" },
  })
  @ApiCreatedResponse({ type: CandidateReply, description: "Sealed, read back and copied. From now on only its codes come out." })
  async stageSeed(@CurrentPerson() caller: PersonCaller, @Param("id") id: string, @Body() text: unknown): Promise<CandidateReply> {
    if (!Buffer.isBuffer(text)) {
      throw new RootkeepError("MALFORMED", { fields: [{ field: "body", rule: "is bytes of type application/octet-stream" }] });
    }
    const seed = seedOf(text);
    try {
      return reply(await this.candidates.stage(caller, parseId("account", id), "mfa-seed", seed));
    } finally {
      seed.wipe();
    }
  }
}

/** The seed in `text`, which is wiped. @throws RootkeepError `MALFORMED` naming the rule that it breaks, never a byte of it. */
function seedOf(text: Buffer): Secret<Buffer> {
  try {
    const seed = parseSeedText(text);
    if (isBroken(seed)) throw new RootkeepError("MALFORMED", { fields: [{ field: "body", rule: seed }] });
    return Secret.of(seed);
  } finally {
    text.fill(0);
  }
}

function reply({ versionId, ...candidate }: StagedCandidate): CandidateReply {
  return { id: versionId, ...candidate };
}
