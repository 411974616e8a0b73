import type { RootKey } from "../../src/keys/root-key.port.js";
import type { WrapContext } from "../../src/keys/wrap-context.js";

/** A real root key with a counter in front, the way CloudTrail counts the calls of a KMS key. */
export class CountingRootKey implements RootKey {
  /** How often a data key was unwrapped. */
  unwraps = 0;

  constructor(private readonly rootKey: RootKey) {}

  get uri(): string {
    return this.rootKey.uri;
  }
  generateDataKey(context: WrapContext): ReturnType<RootKey["generateDataKey"]> {
    return this.rootKey.generateDataKey(context);
  }
  wrap(...call: Parameters<RootKey["wrap"]>): ReturnType<RootKey["wrap"]> {
    return this.rootKey.wrap(...call);
  }
  unwrap(...call: Parameters<RootKey["unwrap"]>): ReturnType<RootKey["unwrap"]> {
    this.unwraps++;
    return this.rootKey.unwrap(...call);
  }
  rewrap(...call: Parameters<RootKey["rewrap"]>): ReturnType<RootKey["rewrap"]> {
    return this.rootKey.rewrap(...call);
  }
  check(): ReturnType<RootKey["check"]> {
    return this.rootKey.check();
  }
}
