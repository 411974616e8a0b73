import { Body, Controller, Get, HttpCode, Param, Post, Query } from "@nestjs/common";
import { ApiCreatedResponse, ApiOkResponse, ApiTags } from "@nestjs/swagger";
import { parseId } from "../kernel/ids.js";
import { CurrentPerson } from "../wire/caller.decorator.js";
import type { PersonCaller } from "../wire/caller.js";
import { Operation } from "../wire/operation.decorator.js";
import { PageQuery } from "../wire/page.dto.js";
import { pageOf, parsePage } from "../wire/paging.js";
import type { ChecklistRow } from "./checklist.entity.js";
import { ChecklistViews, type StepView } from "./checklist-view.service.js";
import {
  AttestStepForm,
  BeginChecklistForm,
  BegunReply,
  type ChecklistReply,
  ChecklistsReply,
  ClaimForm,
  type EvidenceReply,
  StepOutcomeReply,
  type StepReply,
  WholeChecklistReply,
} from "./checklists.dto.js";
import { Checklists } from "./checklists.service.js";

/** The checklists of an account's life. What two custodians decide is asked for as a request: `account.move`, `checklist.waive`. */
@ApiTags("lifecycle")
@Controller("v1")
export class ChecklistsController {
  constructor(
    private readonly checklists: Checklists,
    private readonly views: ChecklistViews,
  ) {}

  @Get("accounts/:id/checklists")
  @Operation("checklist.list")
  @ApiOkResponse({ type: ChecklistsReply, description: "Checklists of the account, in the order of their ids." })
  async list(@CurrentPerson() caller: PersonCaller, @Param("id") id: string, @Query() query: PageQuery): Promise<ChecklistsReply> {
    const { after, limit } = parsePage(query);
    const rows = await this.views.ofAccount(caller.personId, parseId("account", id), after ?? "", limit + 1);
    const page = pageOf(rows, limit, (row) => row.id);
    return { items: page.items.map(checklistReply), next: page.next };
  }

  @Post("accounts/:id/checklists")
  @Operation("checklist.begin")
  @ApiCreatedResponse({ type: BegunReply, description: "The takeover was begun." })
  async begin(@CurrentPerson() caller: PersonCaller, @Param("id") id: string, @Body() form: BeginChecklistForm): Promise<BegunReply> {
    const { document = null, code } = form;
    const accountId = parseId("account", id);
    const { checklistId, seq } = await this.checklists.begin(caller, { accountId, document, code });
    return { id: checklistId, seq };
  }

  @Get("checklists/:id")
  @Operation("checklist.read")
  @ApiOkResponse({ type: WholeChecklistReply, description: "One checklist, whole: what stands, and what to do next." })
  async read(@CurrentPerson() caller: PersonCaller, @Param("id") id: string): Promise<WholeChecklistReply> {
    const { row, title, accountState, closedAt, finalAt, next, steps } = await this.views.read(caller.personId, parseId("checklist", id));
    const dates = { closedAt: closedAt?.toISOString() ?? null, finalAt: finalAt?.toISOString() ?? null };
    return { ...checklistMembers(row), title, accountState, ...dates, next, steps: steps.map(stepReply) };
  }

  @Post("checklists/:id/steps/:step/claims")
  @HttpCode(200)
  @Operation("checklist.claim")
  @ApiOkResponse({ type: StepOutcomeReply, description: "Ticked, or claimed until another person has looked as well." })
  async claim(
    @CurrentPerson() caller: PersonCaller,
    @Param("id") id: string,
    @Param("step") step: string,
    @Body() form: ClaimForm,
  ): Promise<StepOutcomeReply> {
    const { kind, reference = null, event = null, at = null, note, code } = form;
    const evidence = { kind, reference, event, at, note: note ?? "" };
    return await this.checklists.claim(caller, { checklistId: parseId("checklist", id), step, evidence, code });
  }

  @Post("checklists/:id/steps/:step/attestations")
  @HttpCode(200)
  @Operation("checklist.attest")
  @ApiOkResponse({ type: StepOutcomeReply, description: "Ticked." })
  async attest(
    @CurrentPerson() caller: PersonCaller,
    @Param("id") id: string,
    @Param("step") step: string,
    @Body() { claim, code }: AttestStepForm,
  ): Promise<StepOutcomeReply> {
    return await this.checklists.attest(caller, { checklistId: parseId("checklist", id), step, claimSeq: claim, code });
  }
}

function checklistReply(row: ChecklistRow): ChecklistReply {
  return checklistMembers(row);
}

function checklistMembers(row: ChecklistRow) {
  const { id, accountId, kind, state, accountKind, custody, target, document, begunBy } = row;
  const dates = { begunAt: row.begunAt.toISOString(), endedAt: row.endedAt?.toISOString() ?? null };
  return { id, accountId, kind, state, accountKind, custody, target, document, begunBy, ...dates };
}

function stepReply({ step, standing, waitsFor, evidence }: StepView): StepReply {
  const { id, title, who, roles, instruction, purposes = [], isWaivable } = step;
  const accepts = step.evidence.map((accepted) => ({
    kind: accepted.kind,
    names: accepted.kind === "entry" ? accepted.actions : accepted.kind === "aws-event" ? accepted.events : [],
  }));
  return { step: id, title, who, roles, instruction, purposes, accepts, isWaivable, standing, waitsFor, evidence: evidenceReply(evidence) };
}

function evidenceReply(evidence: StepView["evidence"]): EvidenceReply | null {
  if (evidence === null) return null;
  const { row, facts } = evidence;
  const { kind, reference, note, claimedBy, attestedBy } = row;
  const dates = { claimedAt: row.claimedAt.toISOString(), decidedAt: row.decidedAt?.toISOString() ?? null };
  return { kind, reference, facts, note, claimedBy, attestedBy, ...dates, seq: Number(row.seq) };
}
