import type { Client } from "pg";
import type { Secret } from "../kernel/secret.js";
import { type EmbeddedHome, removeRunDirectory } from "./embedded-home.adapter.js";
import { isPostgresProcess, pause } from "./embedded-program.adapter.js";
import { contact, disownLockFile, type Launch, launch } from "./embedded-server.adapter.js";
import { classifyStartFailure, outputTail, type PostmasterFile } from "./embedded-state.js";

const START_PATIENCE_MS = 30_000;
const RETRY_PAUSE_MS = 100;
const POLL_PAUSE_MS = 10;
const FAST_STOP_MS = 20_000;
const IMMEDIATE_STOP_MS = 10_000;

/** A server that answers, a session of its superuser, and whether somebody else had started it. */
export interface Answering {
  readonly client: Client;
  readonly file: PostmasterFile;
  readonly isAdopted: boolean;
}

/**
 * Until a server answers: connect, else start one; what a killed server left behind may stand in the way for a moment.
 * @throws Error with PostgreSQL's own reason when it does not start.
 */
export async function bringUp(
  home: EmbeddedHome,
  password: Secret<string>,
  settings: Readonly<Record<string, string>>,
): Promise<Answering> {
  let deadline = performance.now() + START_PATIENCE_MS;
  let started: Launch | undefined;
  let reason = "it does not answer";
  try {
    while (performance.now() < deadline) {
      const met = await contact(home, password);
      if (met.kind === "open") return await accept(home, met.client, met.file, started);
      // Recovery after a crash takes as long as it takes.
      if (met.kind === "busy") deadline = performance.now() + START_PATIENCE_MS;
      if (started?.hasEnded() === true) {
        reason = await clearAway(home, started);
        started = undefined;
        await pause(RETRY_PAUSE_MS);
      }
      if (started === undefined && met.kind === "absent") started = await launchUnlessBeaten(home, password, settings);
      await pause(POLL_PAUSE_MS);
    }
    throw new Error(`PostgreSQL does not start: ${reason}`);
  } catch (error) {
    if (started !== undefined) await abandon(home, started);
    throw error;
  }
}

async function accept(home: EmbeddedHome, client: Client, file: PostmasterFile, started: Launch | undefined): Promise<Answering> {
  const isAdopted = file.pid !== started?.pid;
  // Somebody else's server won: ours ends by itself, and what was made for it goes.
  if (isAdopted && started !== undefined) await abandon(home, started);
  return { client, file, isAdopted };
}

/** Starts a server. Undefined when that failed because another program's start, which won meanwhile, has tidied ours away. */
async function launchUnlessBeaten(
  home: EmbeddedHome,
  password: Secret<string>,
  settings: Readonly<Record<string, string>>,
): Promise<Launch | undefined> {
  try {
    return await launch(home, password, settings);
  } catch (error) {
    const met = await contact(home, password);
    if (met.kind !== "open") throw error;
    await met.client.end().catch(() => undefined);
    return undefined;
  }
}

/**
 * After a server that did not start: prepares the next try and returns why it is needed.
 * @throws Error when another try would end the same way.
 */
async function clearAway(home: EmbeddedHome, ended: Launch): Promise<string> {
  const output = await ended.output();
  const failure = classifyStartFailure(output);
  const reason = outputTail(output);
  if (failure === "permanent") throw new Error(`PostgreSQL does not start: ${reason}`);
  if (failure === "lock-file") await disownLockFile(home);
  await removeRunDirectory(home, ended.run.path);
  return reason;
}

async function abandon(home: EmbeddedHome, started: Launch): Promise<void> {
  if (started.pid !== undefined && !started.hasEnded()) await endServer(started.pid);
  await removeRunDirectory(home, started.run.path);
}

/** Ends a postmaster by its process id: fast, then at once. False when it is there even then. */
export async function endServer(pid: number): Promise<boolean> {
  for (const [signal, patienceMs] of [
    ["SIGINT", FAST_STOP_MS],
    ["SIGQUIT", IMMEDIATE_STOP_MS],
  ] as const) {
    try {
      process.kill(pid, signal);
    } catch {
      // It ended by itself.
    }
    const deadline = performance.now() + patienceMs;
    while (performance.now() < deadline) {
      if (!(await isPostgresProcess(pid))) return true;
      await pause(POLL_PAUSE_MS);
    }
  }
  return false;
}
