import { Body, Controller, HttpCode, Post } from "@nestjs/common";
import { ApiCreatedResponse, ApiOkResponse, ApiTags } from "@nestjs/swagger";
import { Operation } from "../wire/operation.decorator.js";
import { ConfirmationForm, EnrolledReply, FoundingAcceptanceForm, FoundingReply } from "./founding.dto.js";
import { Founding } from "./founding.service.js";

/** Founding over REST; happens once. */
@ApiTags("founding")
@Controller("v1/founding")
export class FoundingController {
  constructor(private readonly founding: Founding) {}

  @Post("acceptances")
  @Operation("founding.accept")
  @ApiCreatedResponse({ type: EnrolledReply, description: "The seat is taken; the authenticator is shown this once." })
  async accept(@Body() form: FoundingAcceptanceForm): Promise<EnrolledReply> {
    const { token, name, email, password } = form;
    return await this.founding.accept({ token, name, email, password });
  }

  @Post("confirmations")
  @HttpCode(200)
  @Operation("founding.confirm")
  @ApiOkResponse({ type: FoundingReply, description: "The authenticator works; the last one founds the deployment." })
  async confirm(@Body() form: ConfirmationForm): Promise<FoundingReply> {
    return await this.founding.confirm(form.token, form.code);
  }
}
