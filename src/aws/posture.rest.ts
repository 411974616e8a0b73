import { Controller, Get, HttpCode, Param, Post, Query } from "@nestjs/common";
import { ApiAcceptedResponse, ApiOkResponse, ApiTags } from "@nestjs/swagger";
import { RootkeepError } from "../kernel/errors.js";
import { isId, parseId } from "../kernel/ids.js";
import { CurrentPerson } from "../wire/caller.decorator.js";
import type { PersonCaller } from "../wire/caller.js";
import { Operation } from "../wire/operation.decorator.js";
import { PageQuery } from "../wire/page.dto.js";
import { pageOf, parsePage } from "../wire/paging.js";
import { PostureHurryReply, type PostureLineReply, PostureLinesReply, PostureReply } from "./posture.dto.js";
import { isSecured, type PostureLine, PostureService, type PostureView, type TakenSnapshot } from "./posture.service.js";
import type { WorstCursor } from "./posture-due.repository.js";

/** What AWS says about the root of accounts, and what that is worth. */
@ApiTags("posture")
@Controller("v1")
export class PostureController {
  constructor(private readonly posture: PostureService) {}

  @Get("posture")
  @Operation("posture.list")
  @ApiOkResponse({ type: PostureLinesReply, description: "Accounts, worst first, and among these those with the oldest evidence first." })
  async list(@CurrentPerson() { personId }: PersonCaller, @Query() query: PageQuery): Promise<PostureLinesReply> {
    const { after, limit } = parsePage(query);
    const lines = await this.posture.listFor(personId, after === null ? null : parseCursor(after), limit + 1);
    const { items, next } = pageOf(lines, limit, ({ cursor: { rank, takenMs, id } }) => `${String(rank)}:${String(takenMs)}:${id}`);
    return { items: items.map(lineReply), next };
  }

  @Get("accounts/:id/posture")
  @Operation("posture.read")
  @ApiOkResponse({ type: PostureReply, description: "The newest evidence of one account and its age, and the role that it is asked by." })
  async read(@CurrentPerson() { personId }: PersonCaller, @Param("id") id: string): Promise<PostureReply> {
    return postureReply(await this.posture.readFor(personId, parseId("account", id)));
  }

  @Post("accounts/:id/posture")
  @HttpCode(202)
  @Operation("posture.take")
  @ApiAcceptedResponse({
    type: PostureHurryReply,
    description: "The account is first in line; its evidence comes within seconds or later.",
  })
  async take(@CurrentPerson() caller: PersonCaller, @Param("id") id: string): Promise<PostureHurryReply> {
    const account = parseId("account", id);
    return { account, seq: await this.posture.hurry(caller, account) };
  }
}

/** @throws RootkeepError `MALFORMED` */
function parseCursor(text: string): WorstCursor {
  const [rank = "", takenMs = "", id = ""] = text.split(":");
  if (!/^[0-2]$/.test(rank) || !/^\d{1,15}$/.test(takenMs) || !isId("account", id))
    throw new RootkeepError("MALFORMED", { fields: [{ field: "after", rule: "must be a cursor of this list" }] });
  return { rank: Number(rank), takenMs: Number(takenMs), id };
}

function shown(taken: TakenSnapshot | null) {
  return {
    secured: isSecured(taken),
    verdict: taken?.snapshot.posture.verdict ?? "unknown",
    takenAt: taken?.snapshot.takenAt ?? null,
    isStale: taken?.isStale ?? true,
  };
}

function lineReply({ account, taken }: PostureLine): PostureLineReply {
  const open = (taken?.snapshot.posture.findings ?? []).filter(({ verdict }) => verdict !== "ok").map(({ item }) => item);
  return { account: account.id, awsId: account.awsId, customer: account.customer, ...shown(taken), open };
}

function postureReply({ account, roleArn, due, taken }: PostureView): PostureReply {
  const { externalId, nextAt, reason: failure, failedAt } = due;
  return {
    account: account.id,
    awsId: account.awsId,
    ...shown(taken),
    ...snapshotOf(taken),
    roleArn,
    externalId,
    nextAt: nextAt.getTime() <= Date.now() ? null : nextAt.toISOString(),
    failure,
    failedAt: failedAt?.toISOString() ?? null,
  };
}

function snapshotOf(taken: TakenSnapshot | null): Pick<PostureReply, "ageSeconds" | "findings" | "seq" | "sha256" | "snapshot"> {
  if (taken === null) return { ageSeconds: null, findings: [], seq: null, sha256: null, snapshot: null };
  const { ageSeconds, seq, sha256, snapshot } = taken;
  return { ageSeconds, findings: snapshot.posture.findings, seq, sha256, snapshot };
}
