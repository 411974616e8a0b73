// A program that advances a file guard and can be killed in the middle. `node guard-writer.js DIRECTORY NOTE STEP`: reads, advances once to
// NOTE, and kills itself at the STEP-th call to the file system, a write after its first half. `node guard-writer.js DIRECTORY`: counts
// upwards in the guard until somebody kills it. `node guard-writer.js DIRECTORY NOTE STEP store`: puts NOTE into a second store instead. Each advance that it was promised is a line on its output.
import { writeSync } from "node:fs";
import fs from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";

const [, , path = "", note, step, kind] = process.argv;

type Call = (...values: never[]) => Promise<unknown>;
let calls = 0;

function trap(target: Record<string, Call>, name: string): void {
  const real = target[name]!;
  target[name] = async function (this: unknown, ...values) {
    calls++;
    if (calls !== Number(step)) return await real.apply(this, values);
    const [first] = values as unknown[];
    if (name === "writeFile" && Buffer.isBuffer(first)) await real.call(this, first.subarray(0, first.length / 2) as never);
    writeSync(1, `killed at ${name}\n`);
    process.kill(process.pid, "SIGKILL");
    return await new Promise(() => undefined);
  };
}

if (step !== undefined) {
  const handle = await fs.open(import.meta.filename);
  const ofHandles = Object.getPrototypeOf(handle) as Record<string, Call>;
  await handle.close();
  for (const name of ["mkdir", "open", "rename", "rm", "lstat", "readdir", "link"]) trap(fs as unknown as Record<string, Call>, name);
  for (const name of ["writeFile", "sync", "readFile", "stat"]) trap(ofHandles, name);
  syncBuiltinESMExports();
}

if (kind === "store") {
  const { createSecondStore } = await import("../../src/secrets/create-second-store.service.js");
  await createSecondStore(`file:${path}`).put("copies/a/b.json", Buffer.from(note ?? ""));
  writeSync(1, "taken\n");
  process.exit(0);
}

const { createGuard } = await import("../../src/audit/create-guard.service.js");
const guard = createGuard(`file:${path}`);

if (note !== undefined) {
  const isTaken = await guard.advance(await guard.read(), note);
  writeSync(1, `${isTaken ? "taken" : "refused"}\n`);
} else {
  for (;;) {
    const state = await guard.read();
    const next = Number(state?.note.split("\n")[0] ?? 0) + 1;
    if (await guard.advance(state, `${next}\n${process.pid}\n`)) writeSync(1, `${next}\n`);
  }
}
