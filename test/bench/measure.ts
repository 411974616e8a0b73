import { cpus, totalmem } from "node:os";
import { type TestDatabase, withClient } from "../support/postgres.js";

/** What one load came to. */
export interface Load {
  /** Milliseconds that each call took. */
  readonly latencies: number[];
  readonly seconds: number;
}

/** What a benchmark prints: one JSON object. */
export type Figures = Readonly<Record<string, unknown>>;

/** A benchmark; `say` shows progress. */
export interface Benchmark {
  readonly name: string;
  run(say: (line: string) => void): Promise<Figures>;
}

/** `callers` callers, each calling again as soon as it has its answer, until `seconds` are over. The last answers are waited for. */
export async function underLoad(callers: number, seconds: number, call: () => Promise<unknown>): Promise<Load> {
  const latencies: number[] = [];
  const startedAt = performance.now();
  const endsAt = startedAt + seconds * 1000;
  const caller = async (): Promise<void> => {
    while (performance.now() < endsAt) {
      const sentAt = performance.now();
      await call();
      latencies.push(performance.now() - sentAt);
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
  return { latencies, seconds: (performance.now() - startedAt) / 1000 };
}

/** Several loads as one. */
export function together(loads: readonly Load[]): Load {
  return { latencies: loads.flatMap(({ latencies }) => latencies), seconds: loads.reduce((sum, { seconds }) => sum + seconds, 0) };
}

export function perSecond({ latencies, seconds }: Load): number {
  return Math.round(latencies.length / seconds);
}

/** The value below which `share` of the values lie, 0 to 1, to hundredths. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((one, other) => one - other);
  const value = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
  return Math.round(value * 100) / 100;
}

/** A whole number of the environment, so that a long version needs no other code. */
export function setting(name: string, standard: number): number {
  const text = process.env[name];
  return text === undefined || text === "" ? standard : Number(text);
}

/** Rate and latencies of a load. */
export function figuresOf(load: Load): Figures {
  return { perSecond: perSecond(load), ...latenciesOf(load.latencies) };
}

/** Median, 99th of a hundred, and how many there were. */
export function latenciesOf(latencies: readonly number[]): Figures {
  return { p50Ms: percentile(latencies, 0.5), p99Ms: percentile(latencies, 0.99), calls: latencies.length };
}

/** What the figures were measured on. */
export async function machine(database?: TestDatabase): Promise<Figures> {
  const [cpu] = cpus();
  return {
    cores: cpus().length,
    cpu: cpu?.model.trim() ?? "unknown",
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.versions.node,
    ...(database === undefined ? {} : { postgres: await serverVersion(database) }),
  };
}

async function serverVersion({ superuser }: TestDatabase): Promise<string> {
  return await withClient(superuser, async (client) => {
    const { rows } = await client.query<{ server_version: string }>("SHOW server_version");
    return rows[0]?.server_version ?? "unknown";
  });
}
