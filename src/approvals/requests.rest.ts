import { Body, Controller, Get, HttpCode, Param, Post, Query, Res } from "@nestjs/common";
import { ApiCreatedResponse, ApiNoContentResponse, ApiOkResponse, ApiTags } from "@nestjs/swagger";
import { parseId } from "../kernel/ids.js";
import type { Operation as OperationName } from "../kernel/operations.js";
import { CurrentPerson } from "../wire/caller.decorator.js";
import type { PersonCaller } from "../wire/caller.js";
import { Operation } from "../wire/operation.decorator.js";
import { pageOf, parsePage } from "../wire/paging.js";
import type { HeaderReply } from "../wire/reply.js";
import {
  ApprovedReply,
  ApproveForm,
  DenyForm,
  RequestReply,
  RequestsQuery,
  RequestsReply,
  SubmitForm,
  SubmittedReply,
  WithdrawForm,
} from "./requests.dto.js";
import { Requests } from "./requests.service.js";

/** Requests: the one door to every guarded act. */
@ApiTags("requests")
@Controller("v1/requests")
export class RequestsController {
  constructor(private readonly requests: Requests) {}

  @Post()
  @Operation("request.submit")
  @ApiCreatedResponse({
    type: SubmittedReply,
    description: "Submitted; it never changes from here on.",
    headers: { Location: { description: "Path of the request.", schema: { type: "string" } } },
  })
  async submit(
    @CurrentPerson() caller: PersonCaller,
    @Body() form: SubmitForm,
    @Res({ passthrough: true }) reply: HeaderReply,
  ): Promise<SubmittedReply> {
    const { requestId, seq } = await this.requests.submit(caller, {
      operation: form.operation as OperationName,
      reason: form.reason,
      ticket: form.ticket ?? null,
      accountId: form.accountId ?? null,
      purpose: form.purpose ?? null,
      kinds: form.kinds ?? [],
      minutes: form.minutes ?? null,
      breakGlass: form.breakGlass === true,
      holders: form.holders ?? {},
      subject: form.subject ?? {},
    });
    reply.header("Location", `/v1/requests/${requestId}`);
    return { id: requestId, seq };
  }

  @Get()
  @Operation("request.list")
  @ApiOkResponse({
    type: RequestsReply,
    description: "Requests about accounts of the caller's entries, and the caller's own, in the order of their ids.",
  })
  async list(@CurrentPerson() caller: PersonCaller, @Query() query: RequestsQuery): Promise<RequestsReply> {
    const { after, limit } = parsePage(query);
    const filter = {
      ...(query.state === undefined ? {} : { state: query.state }),
      ...(query.mine === "true" ? { requesterId: caller.personId } : {}),
      ...(query.awaiting === undefined ? {} : { isAwaiting: true }),
    };
    return pageOf(await this.requests.listFor(caller.personId, filter, after ?? "", limit + 1), limit, ({ id }) => id);
  }

  @Get(":id")
  @Operation("request.read")
  @ApiOkResponse({ type: RequestReply, description: "The request, whole." })
  async read(@CurrentPerson() { personId }: PersonCaller, @Param("id") id: string): Promise<RequestReply> {
    return await this.requests.readFor(personId, parseId("request", id));
  }

  @Post(":id/approvals")
  @HttpCode(200)
  @Operation("request.approve")
  @ApiOkResponse({ type: ApprovedReply, description: "Approved; the approval that reaches the count does the act." })
  async approve(@CurrentPerson() caller: PersonCaller, @Param("id") id: string, @Body() form: ApproveForm): Promise<ApprovedReply> {
    return await this.requests.approve(caller, parseId("request", id), form.code, form.reason ?? "");
  }

  @Post(":id/denials")
  @HttpCode(204)
  @Operation("request.deny")
  @ApiNoContentResponse({ description: "Denied: one denial ends a request." })
  async deny(@CurrentPerson() caller: PersonCaller, @Param("id") id: string, @Body() form: DenyForm): Promise<void> {
    await this.requests.deny(caller, parseId("request", id), form.reason);
  }

  @Post(":id/withdrawals")
  @HttpCode(204)
  @Operation("request.withdraw")
  @ApiNoContentResponse({ description: "Taken back." })
  async withdraw(@CurrentPerson() caller: PersonCaller, @Param("id") id: string, @Body() form: WithdrawForm): Promise<void> {
    await this.requests.withdraw(caller, parseId("request", id), form.reason);
  }
}
