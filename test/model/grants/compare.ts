// One history on the model and on the real engine, side by side: the same answer to every event, the same chronicle at the end, and nothing in
// it that must never happen.
import { aimed, type DrawnHistory } from "./aim.js";
import type { Engine } from "./engine.js";
import { EngineRun } from "./engine-run.js";
import type { Fact } from "./facts.js";
import { told } from "./generate.js";
import { ENDINGS, Machine } from "./machine.js";
import { comparable } from "./read-log.js";
import { RIGHT, type Rules } from "./rules.js";
import { violationsIn } from "./safety.js";
import type { ModelEvent } from "./world.js";

/** What a run of histories did, for who reads the counts. */
export interface Counts {
  histories: number;
  events: number;
  granted: number;
  opened: number;
  received: number;
  /** How often the engine answered what. */
  readonly answers: Record<string, number>;
}

/** Nothing yet. */
export function newCounts(): Counts {
  return { histories: 0, events: 0, granted: 0, opened: 0, received: 0, answers: {} };
}

/**
 * Runs `history` on both.
 * @throws Error that tells the history where they differ, or a law is broken.
 */
export async function compare(engine: Engine, history: DrawnHistory, counts: Counts, rules: Rules = RIGHT): Promise<void> {
  const { world } = history;
  const machine = new Machine(world, rules);
  const run = await EngineRun.begin(engine, world);
  const facts: Fact[] = [];
  const tried: ModelEvent[] = [];
  const fail = (what: string): never => {
    throw new Error(`${what}\n${told(world, tried)}`);
  };
  for (const drawn of history.events) {
    const event = aimed(world, machine.state, drawn);
    tried.push(event);
    const answer = machine.step(event);
    if (answer === "skip") continue;
    const did = "happened" in answer ? answer.happened : [];
    const code = await run.try(event, machine.state.now, did);
    count(counts, event, code);
    if ("refused" in answer) {
      if (!answer.refused.has(code)) fail(`the model refuses with ${[...answer.refused].join(" or ")}, the engine says ${code}`);
      continue;
    }
    const isAsMeant = event.do === "open" ? ENDINGS[event.fate].has(code) : code === "ok";
    if (!isAsMeant) fail(`the model does it, the engine says ${code}`);
    facts.push(...did.filter(({ fact }) => fact !== "received" || code === "ok"));
    if (event.do === "open" && event.fate === "cut" && code === "ok") facts.push(...received(did));
  }
  await run.end(machine.state.now);
  const [ours, theirs] = [comparable(facts), comparable(run.facts)];
  const strange = [...ours.filter((fact) => !theirs.includes(fact)), ...theirs.filter((fact) => !ours.includes(fact))];
  if (strange.length > 0 || ours.length !== theirs.length) fail(`the chronicles differ in ${strange.join("; ")}`);
  const violations = violationsIn(world, run.facts);
  if (violations.length > 0) fail(violations.join("; "));
  counts.histories++;
  for (const { fact } of run.facts) {
    if (fact === "granted") counts.granted++;
    if (fact === "intended") counts.opened++;
    if (fact === "received") counts.received++;
  }
}

/** What somebody has, where an opening came through that might as well not have. */
function received(did: readonly Fact[]): Fact[] {
  return did.flatMap((fact) => {
    if (fact.fact !== "intended") return [];
    const { request, who, kind, number, at } = fact;
    return [{ fact: "received", request, who, kind, number, at }];
  });
}

function count(counts: Counts, event: ModelEvent, code: string): void {
  counts.events++;
  const key = `${event.do} ${code}`;
  counts.answers[key] = (counts.answers[key] ?? 0) + 1;
}
