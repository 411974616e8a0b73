import { Body, Controller, Post, Res } from "@nestjs/common";
import { ApiCreatedResponse, ApiTags } from "@nestjs/swagger";
import { CurrentPerson } from "../wire/caller.decorator.js";
import type { PersonCaller } from "../wire/caller.js";
import { Operation } from "../wire/operation.decorator.js";
import type { HeaderReply } from "../wire/reply.js";
import { RegisterAccount } from "./register-account.service.js";
import { RegisteredReply, RegisterForm } from "./registrations.dto.js";

/** Accounts that are registered by hand. */
@ApiTags("accounts")
@Controller("v1/accounts")
export class RegistrationsController {
  constructor(private readonly registrations: RegisterAccount) {}

  @Post()
  @Operation("account.register")
  @ApiCreatedResponse({
    type: RegisteredReply,
    description: "Registered, without credentials; its state is invited.",
    headers: { Location: { description: "Path of the account.", schema: { type: "string" } } },
  })
  async register(
    @CurrentPerson() caller: PersonCaller,
    @Body() form: RegisterForm,
    @Res({ passthrough: true }) reply: HeaderReply,
  ): Promise<RegisteredReply> {
    const { awsId, kind, customer, rootEmail = null } = form;
    const { accountId, ...registration } = await this.registrations.run(caller, {
      awsId,
      partition: form.partition ?? "aws",
      rootEmail,
      facts: {
        kind,
        customer,
        custody: form.custody ?? "VAULTED",
        organizationId: form.organizationId ?? null,
        tags: form.tags ?? {},
        contacts: form.contacts ?? [],
      },
    });
    reply.header("Location", `/v1/accounts/${accountId}`);
    return { id: accountId, ...registration };
  }
}
