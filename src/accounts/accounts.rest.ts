import { Controller, Get, Param, Query } from "@nestjs/common";
import { ApiOkResponse, ApiTags } from "@nestjs/swagger";
import { parseId } from "../kernel/ids.js";
import { Operation } from "../wire/operation.decorator.js";
import { PageQuery } from "../wire/page.dto.js";
import { pageOf, parsePage } from "../wire/paging.js";
import { AccountRegistry, type AccountRow } from "./account-registry.service.js";
import { AccountReply, AccountsReply } from "./accounts.dto.js";

/** The registry of accounts. */
@ApiTags("accounts")
@Controller("v1/accounts")
export class AccountsController {
  constructor(private readonly registry: AccountRegistry) {}

  @Get()
  @Operation("account.list")
  @ApiOkResponse({ type: AccountsReply, description: "Accounts, in the order of their ids." })
  async list(@Query() query: PageQuery): Promise<AccountsReply> {
    const { after, limit } = parsePage(query);
    const { items, next } = pageOf(await this.registry.list(after ?? "", limit + 1), limit, ({ id }) => id);
    return { items: items.map(accountReply), next };
  }

  @Get(":id")
  @Operation("account.read")
  @ApiOkResponse({ type: AccountReply, description: "One account." })
  async read(@Param("id") id: string): Promise<AccountReply> {
    return accountReply(await this.registry.byId(parseId("account", id)));
  }
}

function accountReply(row: AccountRow): AccountReply {
  const { id, awsId, partition, kind, customer, rootEmail, state } = row;
  const tags = JSON.parse(row.tags) as Record<string, string>;
  return { id, awsId, partition, kind, customer, tags, rootEmail, state, checkedOutBy: row.checkoutGrantId };
}
