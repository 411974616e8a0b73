import type { RootKey, UnwrappedDataKey } from "../../src/keys/root-key.port.js";

/** A real root key that a test can get at just before and just after a call, and whose clock can be wrong. */
export class FaultyRootKey implements RootKey {
  beforeGenerate: () => Promise<void> | void = nothing;
  beforeUnwrap: () => Promise<void> | void = nothing;
  afterUnwrap: () => Promise<void> | void = nothing;
  /** What the root key's clock is off by; null for a root key without a clock. */
  skewMs: number | null = null;
  /** How often it unwrapped something. */
  unwraps = 0;

  constructor(private readonly real: RootKey) {}

  get uri(): string {
    return this.real.uri;
  }

  async generateDataKey(...form: Parameters<RootKey["generateDataKey"]>): ReturnType<RootKey["generateDataKey"]> {
    await this.beforeGenerate();
    return await this.real.generateDataKey(...form);
  }

  async unwrap(...form: Parameters<RootKey["unwrap"]>): Promise<UnwrappedDataKey> {
    await this.beforeUnwrap();
    const unwrapped = await this.real.unwrap(...form);
    this.unwraps++;
    await this.afterUnwrap();
    return this.skewMs === null ? unwrapped : { ...unwrapped, replyTime: new Date(Date.now() + this.skewMs) };
  }

  wrap(...form: Parameters<RootKey["wrap"]>): ReturnType<RootKey["wrap"]> {
    return this.real.wrap(...form);
  }

  rewrap(...form: Parameters<RootKey["rewrap"]>): ReturnType<RootKey["rewrap"]> {
    return this.real.rewrap(...form);
  }

  check(): ReturnType<RootKey["check"]> {
    return this.real.check();
  }

  /** Works again, at once and on time. */
  heal(): void {
    Object.assign(this, { beforeGenerate: nothing, beforeUnwrap: nothing, afterUnwrap: nothing, skewMs: null });
  }
}

function nothing(): void {
  // The default of every hook.
}
