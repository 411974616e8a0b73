import { Body, Controller, HttpCode, Param, Post, Res } from "@nestjs/common";
import { ApiOkResponse, ApiTags } from "@nestjs/swagger";
import type { WhichVersion } from "../approvals/granted-version.js";
import type { ReceiptFacts } from "../audit/receipt.js";
import { parseId } from "../kernel/ids.js";
import { type DeliveryKey, parseDeliveryKey } from "../keys/delivery-key.js";
import { CurrentPerson } from "../wire/caller.decorator.js";
import type { PersonCaller } from "../wire/caller.js";
import { Operation } from "../wire/operation.decorator.js";
import type { HeaderReply } from "../wire/reply.js";
import { CodeForm, OpenedCodeReply, OpenedReply, OpeningForm } from "./openings.dto.js";
import { type Revealed, RevealSecret } from "./reveal-secret.service.js";

const RECEIPT_HEADERS = {
  "Audit-Seq": { description: "Position of the intent's entry.", schema: { type: "integer" } },
  "Audit-Leaf": { description: "Leaf hash of the intent's entry, lower-case hex.", schema: { type: "string" } },
} as const;

/** The one way out for a secret (law L8). */
@ApiTags("grants")
@Controller("v1/grants/:id")
export class OpeningsController {
  constructor(private readonly revealSecret: RevealSecret) {}

  @Post("openings")
  @HttpCode(200)
  @Operation("secret.reveal")
  @ApiOkResponse({ type: OpenedReply, description: "The value, this once.", headers: RECEIPT_HEADERS })
  async reveal(
    @CurrentPerson() caller: PersonCaller,
    @Param("id") id: string,
    @Body() form: OpeningForm,
    @Res({ passthrough: true }) reply: HeaderReply,
  ): Promise<OpenedReply> {
    const grantId = parseId("grant", id);
    const revealed = await this.revealSecret.reveal(caller, grantId, form.kind, form.code, deliveryKeyOf(form), whichOf(form));
    const { kind, versionId, intent, outcomeSeq, proof } = revealed;
    receiptTo(reply, intent);
    return { ...sentOf(revealed), kind, versionId, intentSeq: intent.seq, outcomeSeq, receipt: proof };
  }

  @Post("codes")
  @HttpCode(200)
  @Operation("secret.code")
  @ApiOkResponse({ type: OpenedCodeReply, description: "The code of the current time step, this once.", headers: RECEIPT_HEADERS })
  async code(
    @CurrentPerson() caller: PersonCaller,
    @Param("id") id: string,
    @Body() form: CodeForm,
    @Res({ passthrough: true }) reply: HeaderReply,
  ): Promise<OpenedCodeReply> {
    const revealed = await this.revealSecret.code(caller, parseId("grant", id), form.code, deliveryKeyOf(form), whichOf(form));
    const { validForSeconds, intent, outcomeSeq, proof } = revealed;
    receiptTo(reply, intent);
    return { ...sentOf(revealed), validForSeconds, intentSeq: intent.seq, outcomeSeq, receipt: proof };
  }
}

function deliveryKeyOf({ deliverTo }: CodeForm): DeliveryKey | null {
  return deliverTo === undefined || deliverTo === null ? null : parseDeliveryKey(deliverTo, "deliverTo");
}

function whichOf({ version }: CodeForm): WhichVersion {
  return version ?? "current";
}

/**
 * What is sent. The buffer is wiped at once; in the clear, its text lives until the reply is written, which is as short as JSON allows.
 */
function sentOf({ value, sentAs }: Revealed): { readonly value?: string; readonly jwe?: string } {
  try {
    const text = value.expose((bytes) => bytes.toString("utf8"));
    return sentAs === "jwe" ? { jwe: text } : { value: text };
  } finally {
    value.wipe();
  }
}

function receiptTo(reply: HeaderReply, intent: ReceiptFacts): void {
  reply.header("Audit-Seq", String(intent.seq));
  reply.header("Audit-Leaf", intent.leafHash);
}
