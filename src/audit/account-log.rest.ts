import { Controller, Get, Param, Query } from "@nestjs/common";
import { ApiOkResponse, ApiTags } from "@nestjs/swagger";
import { parseId } from "../kernel/ids.js";
import { CurrentPerson } from "../wire/caller.decorator.js";
import type { PersonCaller } from "../wire/caller.js";
import { Operation } from "../wire/operation.decorator.js";
import { parsePage } from "../wire/paging.js";
import { AccountHeadReply, ProvenEntriesQuery, ProvenEntriesReply, type TipReply } from "./account-log.dto.js";
import { AccountLog } from "./account-log.service.js";
import { GLOBAL_STREAM } from "./global-acts.js";
import { LogReading } from "./log-reading.port.js";
import type { TipProof } from "./stream-heads.js";

/** What the owner of one account is given of the log (docs/spec/account-export.md). */
@ApiTags("audit")
@Controller("v1/audit")
export class AccountLogController {
  constructor(
    private readonly accounts: AccountLog,
    private readonly reading: LogReading,
  ) {}

  @Get("accounts/:id/head")
  @Operation("audit.export")
  @ApiOkResponse({ type: AccountHeadReply, description: "Where an account's own chain stands, proven to a signed heartbeat." })
  async head(@CurrentPerson() { personId }: PersonCaller, @Param("id") id: string): Promise<AccountHeadReply> {
    const accountId = parseId("account", id);
    await this.reading.assertAccount(personId, "audit.export", accountId);
    const head = await this.accounts.head(accountId);
    return {
      heartbeatSeq: head.heartbeatSeq,
      heartbeat: head.heartbeat.toString("base64"),
      proof: head.proof.toString("utf8"),
      size: head.size,
      streams: head.streams,
      account: tipReply(head.account),
      global: tipReply(head.global),
    };
  }

  @Get("accounts/:id/entries")
  @Operation("audit.export")
  @ApiOkResponse({ type: ProvenEntriesReply, description: "Entries of an account's own chain, each proven to a checkpoint." })
  async entries(
    @CurrentPerson() { personId }: PersonCaller,
    @Param("id") id: string,
    @Query() query: ProvenEntriesQuery,
  ): Promise<ProvenEntriesReply> {
    const accountId = parseId("account", id);
    await this.reading.assertAccount(personId, "audit.export", accountId);
    return await this.#page(accountId, query);
  }

  @Get("global-acts")
  @Operation("audit.export")
  @ApiOkResponse({ type: ProvenEntriesReply, description: "Entries of acts that let somebody in or out, or changed the rules, proven." })
  async globalActs(@Query() query: ProvenEntriesQuery): Promise<ProvenEntriesReply> {
    return await this.#page(GLOBAL_STREAM, query);
  }

  async #page(stream: string, query: ProvenEntriesQuery): Promise<ProvenEntriesReply> {
    const { limit } = parsePage({ limit: query.limit });
    const from = query.after === undefined ? 0 : Number(query.after) + 1;
    const entries = await this.accounts.entries(stream, from, limit + 1, Number(query.size));
    const items = entries.slice(0, limit).map(({ number, seq, bytes, hashes }) => ({
      number,
      seq,
      entry: bytes.toString("base64"),
      hashes: hashes.map((hash) => hash.toString("base64")),
    }));
    const last = items.at(-1);
    return { items, next: entries.length > limit && last !== undefined ? String(last.number) : null };
  }
}

function tipReply({ tip: { stream, size, leaf }, index, hashes }: TipProof): TipReply {
  return { stream, size, leaf: leaf.toString("base64"), index, hashes: hashes.map((hash) => hash.toString("base64")) };
}
