import { createHmac } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

/** From this length on the code of the present step stays good for as long as any call takes. */
const LONG_STEP_SECONDS = 30;

/** The TOTP code (RFC 6238, SHA-1, six digits) of `seed` at time step `step`; written anew here, so that it checks ours. */
export function codeAt(seed: Buffer, step: number): string {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const digest = createHmac("sha1", seed).update(counter).digest();
  const offset = digest.readUInt8(19) & 15;
  return String((digest.readUInt32BE(offset) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

/** Seed bytes of base32 text. */
export function seedOf(base32: string): Buffer {
  let bits = "";
  for (const char of base32.replaceAll("=", "")) bits += "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(char).toString(2).padStart(5, "0");
  const bytes = bits.match(/.{8}/g) ?? [];
  return Buffer.from(bytes.map((byte) => Number.parseInt(byte, 2)));
}

/** A person's authenticator app, set up from an `otpauth://` URI. It never shows the code of one time step twice. */
export class AuthenticatorApp {
  readonly #seed: Buffer;
  readonly #periodSeconds: number;
  #lastStep = -1;

  constructor(otpauth: string) {
    const query = new URL(otpauth).searchParams;
    this.#seed = seedOf(query.get("secret") ?? "");
    this.#periodSeconds = Number(query.get("period") ?? "30");
  }

  /** A code whose time is long over. */
  stale(): string {
    return codeAt(this.#seed, Math.floor(Date.now() / 1000 / this.#periodSeconds) - 1000);
  }

  /** A code that was not shown before; waits for the next time step where it has to (the service takes one step ahead of its clock). */
  async next(): Promise<string> {
    for (;;) {
      const now = Math.floor(Date.now() / 1000 / this.#periodSeconds);
      // Of short steps only the one ahead of the clock: its code stays good the longest, on a machine that stalls now and then.
      const step = this.#periodSeconds < LONG_STEP_SECONDS ? now + 1 : Math.max(now, this.#lastStep + 1);
      if (step > this.#lastStep && step <= now + 1) {
        this.#lastStep = step;
        return codeAt(this.#seed, step);
      }
      await sleep(20);
    }
  }
}

/** Many authenticators of one person; each call takes the one that has rested longest, so nobody waits for a time step. */
export class AuthenticatorApps extends AuthenticatorApp {
  readonly #apps: AuthenticatorApp[];

  constructor(otpauths: readonly string[]) {
    super(otpauths[0] ?? "");
    this.#apps = otpauths.map((otpauth) => new AuthenticatorApp(otpauth));
  }

  override async next(): Promise<string> {
    const app = this.#apps.shift();
    if (app === undefined) throw new Error("somebody without an authenticator");
    this.#apps.push(app);
    return await app.next();
  }
}
