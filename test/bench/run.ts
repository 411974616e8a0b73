// Runs the benchmarks: `npm run bench [-- name ...]`. Progress goes to stderr; at the end each benchmark prints one JSON object on its own
// line. ROOTKEEP_BENCH_SECONDS, ROOTKEEP_BENCH_ROUNDS, ROOTKEEP_BENCH_OPENINGS, ROOTKEEP_BENCH_ENTRIES, ROOTKEEP_BENCH_ACCOUNTS,
// ROOTKEEP_BENCH_CALLS and ROOTKEEP_BENCH_MILLION make them longer or shorter.
import { appendBenchmark } from "./append.js";
import type { Benchmark, Figures } from "./measure.js";
import { millionBenchmark } from "./million.js";
import { registryBenchmark } from "./registry.js";
import { revealBenchmark } from "./reveal.js";
import { signingBenchmark } from "./signing.js";
import { verifyBenchmark } from "./verify.js";

const BENCHMARKS: readonly Benchmark[] = [
  appendBenchmark,
  revealBenchmark,
  signingBenchmark,
  verifyBenchmark,
  registryBenchmark,
  millionBenchmark,
];

async function main(names: readonly string[]): Promise<number> {
  const unknown = names.filter((name) => !BENCHMARKS.some((benchmark) => benchmark.name === name));
  if (unknown.length > 0) {
    console.error(`no such benchmark: ${unknown.join(", ")}; there are ${BENCHMARKS.map(({ name }) => name).join(" ")}`);
    return 2;
  }
  const results: Figures[] = [];
  for (const benchmark of BENCHMARKS.filter(({ name }) => names.length === 0 || names.includes(name))) {
    results.push(await benchmark.run((line) => void process.stderr.write(`${line}\n`)));
  }
  for (const figures of results) console.log(JSON.stringify(figures));
  return 0;
}

process.exitCode = await main(process.argv.slice(2));
