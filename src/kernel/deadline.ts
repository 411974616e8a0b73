/**
 * Runs `work` with a signal that is aborted after so many milliseconds, or with `signal` where one is given. The timer and its signal are held
 * until `work` has ended: what `AbortSignal.any` makes of an `AbortSignal.timeout` may be collected before it fires, and whoever listens then
 * waits for ever.
 * @throws what `work` throws.
 */
export async function withDeadline<T>(milliseconds: number, work: (signal: AbortSignal) => Promise<T>, signal?: AbortSignal): Promise<T> {
  const controller = new AbortController();
  const abort = (): void => {
    controller.abort();
  };
  if (signal?.aborted === true) abort();
  signal?.addEventListener("abort", abort, { once: true });
  const timer = setTimeout(abort, milliseconds);
  try {
    return await work(controller.signal);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
  }
}
