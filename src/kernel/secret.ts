import { inspect } from "node:util";

/** What every generic way of looking at a secret prints instead of it. */
export const SECRET_PLACEHOLDER = "[secret]";

/**
 * A value that may not be printed, serialised, stored or compared by accident. The only way to the value is {@link Secret.expose};
 * whoever calls it takes on the duty of law L8. Heap dumps are out of its reach (docs/threat-model.md).
 *
 * A `Secret<Buffer>` can be wiped: {@link Secret.wipe} overwrites the bytes and makes the secret unusable.
 */
export class Secret<T> {
  // A private field is not an own property: spread, Object.entries, structuredClone and v8.serialize all miss it.
  readonly #value: T;
  #isWiped = false;

  private constructor(value: T) {
    this.#value = value;
    Object.freeze(this);
  }

  /** Wraps `value`. A Buffer is taken over, not copied: the caller must not keep it. */
  static of<T>(value: T): Secret<T> {
    return new Secret(value);
  }

  /** The one way out. The value is valid only during `use`; do not let it escape into anything that outlives the call. */
  expose<R>(use: (value: T) => R): R {
    if (this.#isWiped) throw new Error("secret was wiped");
    return use(this.#value);
  }

  /** Overwrites a Buffer with zeros. Other values only become unreachable: JavaScript strings cannot be erased. */
  wipe(): void {
    if (Buffer.isBuffer(this.#value)) this.#value.fill(0);
    this.#isWiped = true;
  }

  toString(): string {
    return SECRET_PLACEHOLDER;
  }

  toJSON(): string {
    return SECRET_PLACEHOLDER;
  }

  [inspect.custom](): string {
    return SECRET_PLACEHOLDER;
  }

  [Symbol.toPrimitive](): string {
    return SECRET_PLACEHOLDER;
  }

  /** pg turns unknown objects into JSON and would store the placeholder as if it were data; an error is better than a lost value. */
  toPostgres(): never {
    throw new Error("a Secret cannot be an SQL parameter");
  }
}
