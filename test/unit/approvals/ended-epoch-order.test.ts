import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { FactoryProvider } from "@nestjs/common";
import { ApprovalsModule } from "../../../src/approvals/approvals.module.js";
import { EndedEpoch } from "../../../src/approvals/ended-epoch.service.js";
import { LogGuard } from "../../../src/audit/log-guard.service.js";
import { ToldSystem } from "../../../src/tickets/post-ticket-update.service.js";

describe("what an ended epoch has left open", () => {
  it("ends after the guard was compared: a log that was put back takes no entry, and only the guard tells that it was", () => {
    const providers = (ApprovalsModule.with([]).providers ?? []) as FactoryProvider[];
    const inject = providers.find(({ provide }) => provide === EndedEpoch)?.inject ?? [];
    for (const first of [LogGuard, ToldSystem]) assert.ok(inject.includes(first), first.name);
  });
});
