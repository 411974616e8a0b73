import { setImmediate } from "node:timers/promises";
import type { BeforeApplicationShutdown, OnApplicationBootstrap } from "@nestjs/common";
import type { DataSource } from "typeorm";
import { SYSTEM_CLOCK } from "../kernel/clock.js";
import { SteadyTimer } from "../kernel/steady-timer.js";
import { everyone, type Notice } from "../notices/notice.js";
import { tellOnce } from "../notices/tell-once.service.js";
import type { DueRotation, DueRotations } from "./due-rotations.service.js";

const PERIOD_MS = 10 * 60_000;
const PAGE = 200;

/**
 * Reminds custodians of what is due: of each value once for each reason and date, however many replicas look and whatever restarts. What was
 * imported and never rotated is in the queue, and reminds nobody: after an import that would be thousands.
 */
export class RotationWatch implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #timer: SteadyTimer;
  #isEnding = false;

  constructor(
    private readonly dataSource: DataSource,
    private readonly rotations: Pick<DueRotations, "page">,
    private readonly counted: (overdue: number) => void,
    failed: (error: unknown) => void,
  ) {
    this.#timer = new SteadyTimer(PERIOD_MS, () => this.look(), failed);
  }

  onApplicationBootstrap(): void {
    this.#timer.startNow();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.#isEnding = true;
    await this.#timer.stop();
  }

  /** Looks at every account. @returns of how many reasons somebody was told who had not been. */
  async look(): Promise<number> {
    const reminders = new Map<string, DueRotation>();
    let overdue = 0;
    for (let after: string | null = ""; after !== null && !this.#isEnding; ) {
      const { items, last } = await this.rotations.page(after, PAGE);
      const now = SYSTEM_CLOCK.now();
      for (const item of items) {
        if (item.due.some(({ dueAt }) => dueAt <= now)) overdue += 1;
        for (const subject of subjectsOf(item)) reminders.set(subject, item);
      }
      after = last;
      // People are answered between two pages.
      await setImmediate();
    }
    if (!this.#isEnding) this.counted(overdue);
    if (reminders.size === 0) return 0;
    return await tellOnce(this.dataSource, [...reminders.keys()], (fresh) => [
      noticeOf([...fresh].flatMap((name) => reminders.get(name) ?? [])),
    ]);
  }
}

function subjectsOf({ versionId, due }: DueRotation): string[] {
  return due
    .filter(({ reason }) => reason !== "imported")
    .map(({ reason, dueAt }) => `rotation.due ${versionId} ${reason} ${dueAt.toISOString()}`);
}

function noticeOf(items: readonly DueRotation[]): Notice {
  const [first] = items;
  const accounts = new Set(items.map(({ accountId }) => accountId));
  // One is named; of many the queue has the list.
  const named = first === undefined || accounts.size > 1 ? {} : { account: first.accountId, "aws account": first.awsId };
  return { topic: "rotation.due", facts: { ...named, entries: String(accounts.size) }, audience: [everyone("custodian")] };
}
