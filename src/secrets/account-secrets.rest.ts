import { Controller, Get, Param, Query } from "@nestjs/common";
import { ApiOkResponse, ApiTags } from "@nestjs/swagger";
import { parseId } from "../kernel/ids.js";
import { CurrentPerson } from "../wire/caller.decorator.js";
import type { PersonCaller } from "../wire/caller.js";
import { Operation } from "../wire/operation.decorator.js";
import { PageQuery } from "../wire/page.dto.js";
import { pageOfWhole } from "../wire/whole-list.js";
import { SecretsReply } from "./account-secrets.dto.js";
import { Secrets } from "./secrets.service.js";

/** What is kept for an account. */
@ApiTags("accounts")
@Controller("v1/accounts/:id/secrets")
export class AccountSecretsController {
  constructor(private readonly secrets: Secrets) {}

  @Get()
  @Operation("secret.list")
  @ApiOkResponse({ type: SecretsReply, description: "States of every version, never a value." })
  async list(@CurrentPerson() { personId }: PersonCaller, @Param("id") id: string, @Query() query: PageQuery): Promise<SecretsReply> {
    const { items, next } = pageOfWhole(await this.secrets.listFor(personId, parseId("account", id)), query, (secret) => secret.id);
    return {
      items: items.map((secret) => ({
        id: secret.id,
        kind: secret.kind,
        versions: secret.versions.map(({ createdAt, deadline, ...version }) => ({
          ...version,
          deadline: deadline?.toISOString() ?? null,
          createdAt: createdAt.toISOString(),
        })),
      })),
      next,
    };
  }
}
