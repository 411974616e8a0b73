import { type Refusal, RefusedError } from "../../src/cli/failure.js";

/** What the demo claims did not hold. The message holds no secret. */
export class DemoFailure extends Error {}

/** Prints a step that held. */
export function ok(line: string): void {
  console.log(`ok  ${line}`);
}

/** @throws DemoFailure naming `claim` when it does not hold. */
export function check(claim: string, holds: boolean): void {
  if (!holds) throw new DemoFailure(`this should hold: ${claim}`);
}

/** Runs `act`, which the service must refuse with `code`. @returns how it refused. @throws DemoFailure when it does not. */
export async function refused(code: string, act: () => Promise<unknown>): Promise<Refusal> {
  try {
    await act();
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error;
    if (error.refusal.code === code) return error.refusal;
    throw new DemoFailure(`this should be refused with ${code}, and was with ${error.refusal.code}`);
  }
  throw new DemoFailure(`this should be refused with ${code}, and was not`);
}

/** Waits. Used only for clocks that the demo cannot turn: time steps and waiting periods. */
export async function sleep(milliseconds: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
}
