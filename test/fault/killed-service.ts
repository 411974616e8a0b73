// A service over its embedded PostgreSQL, as processes of their own, that get `kill -9` at random moments and are started again.
import { setTimeout as sleep } from "node:timers/promises";
import { killServer, Program, type ProgramOptions } from "../support/program.js";

/** Whom a kill meets: the service, all processes of PostgreSQL, or all of both. */
export const VICTIMS = ["service", "database", "both"] as const;
export type Victim = (typeof VICTIMS)[number];

/** How long a service that has lost its database may take to end when it is asked to. */
const STOP_MS = 3_000;

/** Numbers from 0 to 1, the same ones for the same seed (mulberry32): what a seed says can be run again. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The service and its killer. Callers ask for the address before each call, and wait there while it is down. */
export class KilledService {
  readonly kills: Record<Victim, number> = { service: 0, database: 0, both: 0 };
  #up: Promise<Program>;

  private constructor(
    private readonly options: ProgramOptions,
    private readonly random: () => number,
    first: Program,
  ) {
    this.#up = Promise.resolve(first);
  }

  /** @param random chooses moments and victims. */
  static async start(options: ProgramOptions, random: () => number): Promise<KilledService> {
    return new KilledService(options, random, await Program.start(options));
  }

  /** The running service; while it is down, the next one. @throws Error when it does not come up again. */
  async running(): Promise<Program> {
    return await this.#up;
  }

  get killed(): number {
    return VICTIMS.reduce((sum, victim) => sum + this.kills[victim], 0);
  }

  /**
   * Kills and starts again until `isOver`; every three kills meet each victim once, in random order.
   * @param pauseMs least and longest time, in milliseconds, that the service runs before the next kill.
   */
  async torment(isOver: () => boolean, pauseMs: readonly [number, number]): Promise<void> {
    let bag: Victim[] = [];
    while (!isOver()) {
      await sleep(this.#between(...pauseMs));
      if (isOver()) return;
      if (bag.length === 0) bag = [...VICTIMS];
      const [victim] = bag.splice(Math.floor(this.random() * bag.length), 1);
      if (victim !== undefined) await this.#strike(victim);
    }
  }

  /** Ends it as an operator does, and starts it once more. */
  async restart(): Promise<void> {
    await (await this.#up).stop();
    await this.#comeUp();
  }

  /** Ends the service for good; its database goes on. */
  async kill(): Promise<void> {
    await (await this.#up.catch(() => undefined))?.kill();
  }

  async #strike(victim: Victim): Promise<void> {
    const program = await this.#up;
    const { directory } = this.options;
    this.kills[victim]++;
    if (victim === "service") await program.kill();
    if (victim === "both") {
      program.signal("SIGKILL");
      await killServer(directory);
      await program.ended();
    }
    if (victim === "database") {
      await killServer(directory);
      // People go on calling a service that has lost its database; it ends when the operator restarts it.
      await sleep(this.#between(100, 1_000));
      program.signal("SIGTERM");
      await program.ended(STOP_MS).catch(() => program.kill());
    }
    await this.#comeUp();
  }

  async #comeUp(): Promise<void> {
    this.#up = Program.start(this.options);
    await this.#up;
  }

  #between(least: number, most: number): number {
    return least + this.random() * (most - least);
  }
}
