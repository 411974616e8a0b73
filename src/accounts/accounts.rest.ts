import { Controller, Get, Param, Query } from "@nestjs/common";
import { ApiOkResponse, ApiTags } from "@nestjs/swagger";
import { parseId } from "../kernel/ids.js";
import { CurrentPerson } from "../wire/caller.decorator.js";
import type { PersonCaller } from "../wire/caller.js";
import { Operation } from "../wire/operation.decorator.js";
import { pageOf, parsePage } from "../wire/paging.js";
import { AccountRegistry, type AccountRow } from "./account-registry.service.js";
import type { AccountFilter } from "./account-search.js";
import { type AccountReply, AccountReplyWhole, AccountsQuery, AccountsReply } from "./accounts.dto.js";
import { parseContacts } from "./contact.js";
import { custodyOf } from "./custody.js";

/** The registry of accounts. */
@ApiTags("accounts")
@Controller("v1/accounts")
export class AccountsController {
  constructor(private readonly registry: AccountRegistry) {}

  @Get()
  @Operation("account.list")
  @ApiOkResponse({
    type: AccountsReply,
    description: "Accounts of the caller's entries that every filter fits, in the order of their ids.",
  })
  async list(@CurrentPerson() { personId }: PersonCaller, @Query() query: AccountsQuery): Promise<AccountsReply> {
    const { after, limit } = parsePage(query);
    const rows = await this.registry.listFor(personId, after ?? "", limit + 1, filterOf(query));
    const { items, next } = pageOf(rows, limit, ({ id }) => id);
    return { items: items.map(accountReply), next };
  }

  @Get(":id")
  @Operation("account.read")
  @ApiOkResponse({ type: AccountReplyWhole, description: "One account, with its contacts." })
  async read(@CurrentPerson() { personId }: PersonCaller, @Param("id") id: string): Promise<AccountReplyWhole> {
    const row = await this.registry.readFor(personId, parseId("account", id));
    return Object.assign(accountReply(row), { contacts: parseContacts(row.contacts) });
  }
}

function filterOf({ customer, awsId, state, custody, tag, text }: AccountsQuery): AccountFilter {
  const at = tag?.indexOf("=") ?? -1;
  return {
    ...(customer === undefined ? {} : { customer }),
    ...(awsId === undefined ? {} : { awsId }),
    ...(state === undefined ? {} : { state }),
    ...(custody === undefined ? {} : { custody }),
    ...(tag === undefined ? {} : { tag: { key: tag.slice(0, at), value: tag.slice(at + 1) } }),
    ...(text === undefined ? {} : { text }),
  };
}

function accountReply(row: AccountRow): AccountReply {
  const { id, awsId, partition, kind, customer, rootEmail, state, organizationId } = row;
  const tags = JSON.parse(row.tags) as Record<string, string>;
  const custody = custodyOf(row);
  return { id, awsId, partition, kind, customer, tags, rootEmail, state, custody, organizationId, checkedOutBy: row.checkoutGrantId };
}
