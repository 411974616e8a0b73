import { LocalError } from "./failure.js";

/**
 * An answer of the service, read member by member. What is not there or of another type is an error that names the member, so a client
 * never goes on with `undefined` where an id should be.
 */
export class Answer {
  /** @param members the parsed object; secrets were taken out of it before (see `ApiClient.release`). */
  constructor(readonly members: Readonly<Record<string, unknown>>) {}

  /** @throws LocalError when `value` is no object. */
  static of(value: unknown): Answer {
    if (typeof value !== "object" || value === null || Array.isArray(value)) throw new LocalError("the service's answer is no object");
    return new Answer(value as Readonly<Record<string, unknown>>);
  }

  text(name: string): string {
    const value = this.members[name];
    if (typeof value !== "string") throw new LocalError(`the service's answer has no text "${name}"`);
    return value;
  }

  textOrNull(name: string): string | null {
    return this.members[name] === null || this.members[name] === undefined ? null : this.text(name);
  }

  count(name: string): number {
    const value = this.members[name];
    if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0)
      throw new LocalError(`the service's answer has no count "${name}"`);
    return value;
  }

  isTrue(name: string): boolean {
    return this.members[name] === true;
  }

  object(name: string): Answer {
    return Answer.of(this.members[name]);
  }

  list(name: string): readonly Answer[] {
    const value = this.members[name];
    if (!Array.isArray(value)) throw new LocalError(`the service's answer has no list "${name}"`);
    return (value as readonly unknown[]).map((item) => Answer.of(item));
  }
}
