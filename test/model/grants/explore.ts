// Every history of a small world, as far as a number of events goes: breadth first, each state once. What is judged is the history that led
// there, fact by fact, not the state.
import type { Fact } from "./facts.js";
import { Machine } from "./machine.js";
import { reasonsAgainst } from "./refusals.js";
import type { Rules } from "./rules.js";
import { violationsSince } from "./safety.js";
import { type State, stateOf } from "./state.js";
import type { ModelEvent, World } from "./world.js";

/** A small world, and everything that may be tried in it. */
export interface SmallWorld {
  readonly world: World;
  readonly menu: readonly ModelEvent[];
  /** Requests of a history at most. */
  readonly requests: number;
}

export interface Explored {
  readonly states: number;
  readonly transitions: number;
  readonly openings: number;
  /** Events of the longest history that was tried. */
  readonly depth: number;
  /** True if no state was left that nobody looked at. */
  readonly isWhole: boolean;
  /** The first history that breaks a law, and how; it is one of the shortest. */
  readonly broken: { readonly violations: readonly string[]; readonly events: readonly ModelEvent[] } | null;
}

interface Node {
  readonly state: State;
  readonly parent: Node | null;
  readonly event: ModelEvent | null;
  readonly facts: readonly Fact[];
}

/**
 * Explores `small` under `rules`.
 * @param most states at most.
 */
export function explore({ world, menu, requests }: SmallWorld, rules: Rules, depth: number, most = Number.POSITIVE_INFINITY): Explored {
  const seen = new Set<string>();
  let layer: Node[] = [{ state: stateOf(world), parent: null, event: null, facts: [] }];
  const counted = { transitions: 0, openings: 0, depth: 0 };
  while (layer.length > 0 && counted.depth < depth && seen.size < most) {
    const next: Node[] = [];
    counted.depth++;
    for (const node of layer) {
      for (const event of menu) {
        if (event.do === "submit" && node.state.requests.length >= requests) continue;
        const reached = reach(world, rules, node, event);
        counted.transitions++;
        if (reached === null) continue;
        if (reached.facts.some(({ fact }) => fact === "intended")) counted.openings++;
        const facts = factsTo(reached);
        const violations = violationsSince(world, facts, facts.length - reached.facts.length);
        if (violations.length > 0) {
          return { ...counted, states: seen.size, isWhole: false, broken: { violations, events: eventsTo(reached) } };
        }
        const key = keyOf(reached.state);
        if (seen.has(key)) continue;
        seen.add(key);
        next.push(reached);
      }
    }
    layer = next;
  }
  return { ...counted, states: seen.size, isWhole: layer.length === 0, broken: null };
}

/** The state after `event`; null where it changes nothing. Only what changes is copied. */
function reach(world: World, rules: Rules, parent: Node, event: ModelEvent): Node | null {
  const machine = new Machine(world, rules, { ...parent.state });
  if (!machine.tick(event)) return { state: machine.state, parent, event, facts: [] };
  const reasons = reasonsAgainst(world, rules, machine.state, event);
  if (reasons === "skip" || reasons.size > 0) return null;
  const next = new Machine(world, rules, structuredClone(machine.state));
  const facts = next.apply(event);
  return { state: next.state, parent, event, facts };
}

function pathTo(node: Node): Node[] {
  const path: Node[] = [];
  for (let at: Node | null = node; at !== null; at = at.parent) path.unshift(at);
  return path;
}

function factsTo(node: Node): Fact[] {
  return pathTo(node).flatMap(({ facts }) => facts);
}

function eventsTo(node: Node): ModelEvent[] {
  return pathTo(node).flatMap(({ event }) => event ?? []);
}

/**
 * One text for states that cannot be told apart: moments by how far ahead they are, orders by which came first. What lies behind is gone.
 */
function keyOf(state: State): string {
  const orders = new Set<number>();
  const isOrder = (name: string): boolean => name === "order" || name === "struck" || name === "teamed";
  const isMoment = (name: string): boolean => name === "until" || name === "usable" || name === "at" || name === "made";
  JSON.stringify(state, (name, value: unknown) => {
    if (isOrder(name)) orders.add(value as number);
    return value;
  });
  const ranks = new Map([...orders].sort((one, other) => one - other).map((order, rank) => [order, rank]));
  return JSON.stringify(state, (name, value: unknown) => {
    if (isOrder(name)) return ranks.get(value as number);
    if (isMoment(name)) return Math.max(-1, (value as number) - state.now);
    // The second itself decides only whose code was given out last.
    if (name === "now") return undefined;
    if (name === "step") return (value as number) >= Math.floor(state.now / 30);
    return name === "openings" || name === "failures" ? undefined : value;
  });
}
