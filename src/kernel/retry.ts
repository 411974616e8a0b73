const FIRST_SECONDS = 5;
const LAST_SECONDS = 3_600;

/** Attempts after which something that waits to be sent is given up: about sixteen hours with the waits of {@link retrySeconds}. */
export const ATTEMPTS_MAX = 24;

/** How long to wait after `attempts` failures: doubling, with jitter, so that replicas and messages do not come back all at once. */
export function retrySeconds(attempts: number, random: () => number = Math.random): number {
  const most = Math.min(LAST_SECONDS, FIRST_SECONDS * 2 ** (attempts - 1));
  return most / 2 + (random() * most) / 2;
}

/** One attempt to send something that waits. */
export interface Attempt {
  /** This one counted. */
  readonly attempts: number;
  readonly send: () => Promise<void>;
  readonly sent: () => Promise<void>;
  /** @param seconds until the next attempt; null gives it up. */
  readonly failed: (error: unknown, seconds: number | null) => Promise<void>;
  /** True for a failure that no repeat can mend. */
  readonly isFinal?: (error: unknown) => boolean;
}

/**
 * Makes the attempt and has what came of it written down; nothing where it was broken off by our own stopping: its lease runs out, and
 * whoever comes next sends it.
 */
export async function attempt({ attempts, send, sent, failed, isFinal }: Attempt, signal: AbortSignal): Promise<void> {
  try {
    await send();
  } catch (error) {
    const isDead = attempts >= ATTEMPTS_MAX || isFinal?.(error) === true;
    if (!signal.aborted) await failed(error, isDead ? null : retrySeconds(attempts));
    return;
  }
  await sent();
}
