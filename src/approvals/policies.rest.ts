import { Body, Controller, Get, HttpCode, Post, Query } from "@nestjs/common";
import { ApiOkResponse, ApiTags } from "@nestjs/swagger";
import { parseId } from "../kernel/ids.js";
import { CurrentPerson } from "../wire/caller.decorator.js";
import type { PersonCaller } from "../wire/caller.js";
import { Operation } from "../wire/operation.decorator.js";
import { PageQuery } from "../wire/page.dto.js";
import { pageOfWhole } from "../wire/whole-list.js";
import { ExplainPolicy, type Explanation } from "./explain-policy.service.js";
import { TERM_NAMES } from "./opening-terms.js";
import {
  ExplainPolicyForm,
  ExplanationReply,
  PoliciesReply,
  PolicyBooksReply,
  PreviewPolicyForm,
  PreviewReply,
  type TermReply,
} from "./policies.dto.js";
import { Policies } from "./policies.service.js";
import { policyHash } from "./policy.js";
import { PreviewPolicy } from "./preview-policy.service.js";

/** Policies: what this deployment demands beyond the catalogue. Changing one is asked for under /v1/requests. */
@ApiTags("policies")
@Controller("v1/policies")
export class PoliciesController {
  constructor(
    private readonly policies: Policies,
    private readonly explainer: ExplainPolicy,
    private readonly previewer: PreviewPolicy,
  ) {}

  @Get()
  @Operation("policy.list")
  @ApiOkResponse({ type: PoliciesReply, description: "The policies in force." })
  async list(@Query() query: PageQuery): Promise<PoliciesReply> {
    const { version, policies } = await this.policies.current();
    const items = policies.map((policy) => ({ name: policy.name, hash: policyHash(policy), policy }));
    return { version, ...pageOfWhole(items, query, ({ name }) => name) };
  }

  @Get("books")
  @Operation("policy.history")
  @ApiOkResponse({ type: PolicyBooksReply, description: "All policies as each change left them, oldest first." })
  async history(@Query() query: PageQuery): Promise<PolicyBooksReply> {
    const { items, next } = pageOfWhole(await this.policies.history(), query, ({ id }) => id);
    return {
      items: items.map(({ id, book, requestId, changedAt }) => ({
        id,
        version: book.version,
        requestId,
        changedAt: changedAt.toISOString(),
        policies: book.policies,
      })),
      next,
    };
  }

  @Post("explanations")
  @HttpCode(200)
  @Operation("policy.explain")
  @ApiOkResponse({ type: ExplanationReply, description: "What a request would meet now, and why. Nothing is asked for." })
  async explain(@CurrentPerson() caller: PersonCaller, @Body() form: ExplainPolicyForm): Promise<ExplanationReply> {
    const explanation = await this.explainer.explain(caller.personId, {
      personId: form.personId ? parseId("person", form.personId) : caller.personId,
      accountId: parseId("account", form.accountId),
      purpose: form.purpose,
      kinds: form.kinds ?? [],
      ticket: form.ticket ?? null,
      holders: form.holders ?? {},
    });
    return explanationReply(explanation);
  }

  @Post("previews")
  @HttpCode(200)
  @Operation("policy.preview")
  @ApiOkResponse({ type: PreviewReply, description: "What a change would make stricter or looser. Nothing is changed." })
  async preview(@CurrentPerson() { personId }: PersonCaller, @Body() form: PreviewPolicyForm): Promise<PreviewReply> {
    const { before, after, purposes } = await this.previewer.preview(personId, {
      name: form.name,
      policy: form.policy ?? null,
      replaces: form.replaces ?? null,
    });
    return { before: before.version, after: after.version, purposes };
  }
}

function explanationReply({ decision, refusal, decided, approvers, missing, catalogue }: Explanation): ExplanationReply {
  const terms = (decided === null ? [] : TERM_NAMES).map(
    (term): TermReply => ({ term, value: decided?.terms[term], decidedBy: decided?.decidedBy[term] ?? [] }),
  );
  return {
    decision,
    refusal: refusal === null ? null : { code: refusal.code, message: refusal.message, facts: refusal.facts, errors: refusal.fields },
    catalogue,
    version: decided?.version ?? null,
    policies: decided?.policies ?? [],
    terms,
    approvers,
    missing,
  };
}
