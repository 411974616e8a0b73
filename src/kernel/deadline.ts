import { RootkeepError } from "./errors.js";

/** How long work may take to end by itself once its signal is aborted: whoever listens ends at once, and says better what it was about. */
const GRACE_MS = 250;

/**
 * Runs `work` with a signal that is aborted after so many milliseconds, or with `signal` where one is given. The timer and its signal are held
 * until `work` has ended: what `AbortSignal.any` makes of an `AbortSignal.timeout` may be collected before it fires, and whoever listens then
 * waits for ever. Work that does not end by its signal is waited for no longer.
 * @throws what `work` throws; RootkeepError `UNAVAILABLE` with the reason `timed_out` in place of work that goes on in spite of its signal.
 */
export async function withDeadline<T>(milliseconds: number, work: (signal: AbortSignal) => Promise<T>, signal?: AbortSignal): Promise<T> {
  const controller = new AbortController();
  let giveUp: (error: RootkeepError) => void = () => undefined;
  let grace: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    giveUp = reject;
  });
  const abort = (): void => {
    controller.abort();
    grace ??= setTimeout(() => {
      giveUp(new RootkeepError("UNAVAILABLE", { reason: "timed_out" }));
    }, GRACE_MS);
  };
  if (signal?.aborted === true) abort();
  signal?.addEventListener("abort", abort, { once: true });
  const timer = setTimeout(abort, milliseconds);
  try {
    return await Promise.race([work(controller.signal), late]);
  } finally {
    clearTimeout(timer);
    clearTimeout(grace);
    signal?.removeEventListener("abort", abort);
  }
}
