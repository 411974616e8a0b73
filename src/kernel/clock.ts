/** The service's own clock. It dates sessions' idle time and log lines; what decides is the database's (design §5, "One clock decides"). */
export interface Clock {
  now(): Date;
}

export const SYSTEM_CLOCK: Clock = { now: () => new Date() };

/** `time` moved by `seconds`, which may be negative. */
export function plusSeconds(time: Date, seconds: number): Date {
  return new Date(time.getTime() + seconds * 1000);
}
