import { Body, Controller, HttpCode, Param, Post } from "@nestjs/common";
import { ApiCreatedResponse, ApiOkResponse, ApiTags } from "@nestjs/swagger";
import { parseId } from "../kernel/ids.js";
import { CurrentPerson } from "../wire/caller.decorator.js";
import type { PersonCaller } from "../wire/caller.js";
import { Operation } from "../wire/operation.decorator.js";
import { Enrolment } from "./enrolment.service.js";
import { ConfirmationForm } from "./founding.dto.js";
import { InvitationHalves } from "./invitation-halves.service.js";
import {
  AcceptedReply,
  ConfirmedReply,
  InvitationAcceptanceForm,
  InvitationCodeReply,
  InvitationLinkReply,
  TakingForm,
} from "./invitations.dto.js";

/** Becoming somebody: two halves of an invitation to two custodians, and the person's answer to both. */
@ApiTags("invitations")
@Controller("v1")
export class InvitationsController {
  constructor(
    private readonly enrolment: Enrolment,
    private readonly halves: InvitationHalves,
  ) {}

  @Post("requests/:id/invitation-link")
  @HttpCode(200)
  @Operation("invitation.link")
  @ApiOkResponse({ type: InvitationLinkReply, description: "The link, once, to the custodian who asked." })
  async link(@CurrentPerson() caller: PersonCaller, @Param("id") id: string, @Body() form: TakingForm): Promise<InvitationLinkReply> {
    const { token, expiresAt, seq } = await this.halves.takeLink(parseId("request", id), caller, form.code);
    return { token, expiresAt: expiresAt.toISOString(), seq };
  }

  @Post("requests/:id/invitation-code")
  @HttpCode(200)
  @Operation("invitation.code")
  @ApiOkResponse({ type: InvitationCodeReply, description: "The code, once, to the custodian whose approval decided." })
  async code(@CurrentPerson() caller: PersonCaller, @Param("id") id: string, @Body() form: TakingForm): Promise<InvitationCodeReply> {
    const { code, expiresAt, seq } = await this.halves.takeCode(parseId("request", id), caller, form.code);
    return { code, expiresAt: expiresAt.toISOString(), seq };
  }

  @Post("invitations/acceptances")
  @Operation("invitation.accept")
  @ApiCreatedResponse({ type: AcceptedReply, description: "Password set; the authenticator is shown this once." })
  async accept(@Body() form: InvitationAcceptanceForm): Promise<AcceptedReply> {
    const { token, code, password } = form;
    return await this.enrolment.accept({ token, code, password });
  }

  @Post("invitations/confirmations")
  @HttpCode(200)
  @Operation("invitation.confirm")
  @ApiOkResponse({ type: ConfirmedReply, description: "The authenticator works; the person can sign in." })
  async confirm(@Body() form: ConfirmationForm): Promise<ConfirmedReply> {
    const { personId, usableFrom } = await this.enrolment.confirm(form.token, form.code);
    return { personId, usableFrom: usableFrom.toISOString() };
  }
}
