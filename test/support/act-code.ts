import type { Actor } from "./vault.js";

/** A code is taken by the service for two seconds or more (period 1 s, one step either side); it is handed out here for less. */
const FRESH_MS = 700;
const newest = new Map<Actor, { code: string; at: number }>();

/**
 * A code that is valid now and, as far as the caller knows, unused. While attempts are refused it stays unused, so many attempts share one;
 * after a success call {@link usedCode}.
 */
export async function unusedCode(actor: Actor): Promise<string> {
  const known = newest.get(actor);
  if (known !== undefined && performance.now() - known.at < FRESH_MS) return known.code;
  const code = await actor.app.next();
  newest.set(actor, { code, at: performance.now() });
  return code;
}

/** Forgets the actor's code, which has been accepted. */
export function usedCode(actor: Actor): void {
  newest.delete(actor);
}
