import { Controller, Get, Param } from "@nestjs/common";
import { ApiOkResponse, ApiTags } from "@nestjs/swagger";
import { CERTIFICATE_FORMAT } from "../audit/destruction-certificate.js";
import { parseId } from "../kernel/ids.js";
import { Reading } from "../people/reading.service.js";
import { CurrentPerson } from "../wire/caller.decorator.js";
import type { PersonCaller } from "../wire/caller.js";
import { Operation } from "../wire/operation.decorator.js";
import { DestructionReply } from "./destruction.dto.js";
import { DestructionCertificates } from "./destruction-certificates.service.js";

/** That what was kept for an account is gone. */
@ApiTags("accounts")
@Controller("v1/accounts/:id/destruction")
export class DestructionController {
  constructor(
    private readonly certificates: DestructionCertificates,
    private readonly reading: Reading,
  ) {}

  @Get()
  @Operation("destruction.read")
  @ApiOkResponse({ type: DestructionReply, description: "The certificate of destruction, with the proof that the log has it." })
  async read(@CurrentPerson() { personId }: PersonCaller, @Param("id") id: string): Promise<DestructionReply> {
    const accountId = parseId("account", id);
    await this.reading.assertAccount(personId, "destruction.read", accountId);
    const { body, entries, keys } = await this.certificates.of(accountId);
    const proven = entries.map(({ seq, bytes, proof }) => ({ seq, entry: bytes.toString("base64"), proof }));
    return { format: CERTIFICATE_FORMAT, body, entries: proven, keys };
  }
}
