import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { describe, it } from "node:test";
import { format, inspect } from "node:util";
import { deserialize, serialize } from "node:v8";
import { SECRET_PLACEHOLDER, Secret } from "../../../src/kernel/secret.js";

const MARK = "Tr0ub4dor-and-3-marks";
const { prepareValue } = createRequire(import.meta.url)("pg/lib/utils") as { prepareValue(value: unknown): unknown };

type Sink = (secret: Secret<string>) => unknown;

/** Everything that could carry a value away without being asked to. What comes out is searched for the mark, also in depth. */
const SINKS: Readonly<Record<string, Sink>> = {
  "String()": (secret) => String(secret),
  "a template": (secret) => `value: ${secret as unknown as string}`,
  "a sum": (secret) => ("" as unknown as number) + (secret as unknown as number),
  "Number()": (secret) => Number(secret),
  "encodeURIComponent()": (secret) => encodeURIComponent(secret as unknown as string),
  "a query": (secret) => new URLSearchParams({ value: secret as unknown as string }).toString(),
  "a Buffer": (secret) => Buffer.from(secret as unknown as string).toString("utf8"),
  "JSON.stringify()": (secret) => JSON.stringify({ deep: [{ secret }] }),
  "inspect()": (secret) => inspect(secret),
  "inspect() with hidden members": (secret) => inspect({ secret }, { showHidden: true, getters: true, depth: 9 }),
  "inspect() without custom inspection": (secret) => inspect({ secret }, { customInspect: false, showHidden: true, depth: 9 }),
  "inspect() nine levels down": (secret) => inspect({ a: { b: { c: { d: { e: { f: { g: { h: { secret } } } } } } } } }, { depth: 9 }),
  "inspect() of a proxy": (secret) => inspect(new Proxy(secret, {}), { showProxy: true, customInspect: false, showHidden: true }),
  "format()": (secret) => format("%s %o %O %j %d %i", secret, secret, secret, secret, secret, secret),
  "an error's message": (secret) => new Error(secret as unknown as string).message,
  "an error's cause": (secret) => inspect(new Error("failed", { cause: secret }), { depth: 9, showHidden: true }),
  "structuredClone()": (secret) => inspect(structuredClone({ secret }), { showHidden: true, depth: 9 }),
  "v8.serialize()": (secret) => serialize({ secret }).toString("latin1"),
  "v8.deserialize()": (secret) => inspect(deserialize(serialize({ secret })), { showHidden: true, depth: 9 }),
  "a spread": (secret) => inspect({ ...(secret as object) }, { showHidden: true }),
  "Object.assign()": (secret) => inspect(Object.assign({}, secret), { showHidden: true }),
  "Object.entries()": (secret) => inspect(Object.entries(secret)),
  "its own keys": (secret) => inspect(Reflect.ownKeys(secret)),
  "its descriptors": (secret) => inspect(Object.getOwnPropertyDescriptors(secret), { showHidden: true, depth: 9 }),
  "a failed assertion": (secret) => messageOf(() => assert.deepEqual({ secret }, { secret: MARK.length })),
  "a message of its own error": (secret) => messageOf(() => prepareValue(secret)),
};

function messageOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    return inspect(error, { depth: 9, showHidden: true });
  }
  throw new Error("nothing was thrown");
}

function holdsMark(found: unknown): boolean {
  const text = typeof found === "string" ? found : inspect(found, { depth: 9, showHidden: true, customInspect: false });
  return [text, decodeURIComponent(text.replaceAll("%", "%25"))].some((form) => form.includes(MARK));
}

describe("a secret [L8]", () => {
  for (const [name, sink] of Object.entries(SINKS)) {
    it(`does not leave through ${name}`, () => {
      assert.equal(holdsMark(sink(Secret.of(MARK))), false);
    });
    it(`does not leave through ${name} as a buffer`, () => {
      const found = sink(Secret.of(Buffer.from(MARK)) as unknown as Secret<string>);
      assert.equal(holdsMark(found), false);
      assert.equal(String(found).includes(Buffer.from(MARK).toString("hex").slice(0, 20)), false);
    });
  }

  it("the probes would notice a value that leaves", () => {
    class Leaky {
      constructor(readonly value: string) {}
    }
    for (const name of ["JSON.stringify()", "inspect()", "structuredClone()", "a spread", "v8.serialize()", "its descriptors"]) {
      assert.equal(holdsMark(SINKS[name]?.(new Leaky(MARK) as unknown as Secret<string>)), true, name);
    }
  });

  it("prints its placeholder where text is asked for", () => {
    const secret = Secret.of(MARK);
    assert.equal(String(secret), SECRET_PLACEHOLDER);
    assert.equal(JSON.stringify({ secret }), `{"secret":"${SECRET_PLACEHOLDER}"}`);
    assert.equal(inspect(secret), SECRET_PLACEHOLDER);
  });

  it("is no SQL parameter: pg must not store the placeholder as if it were data", () => {
    assert.throws(() => prepareValue(Secret.of(MARK)), { message: "a Secret cannot be an SQL parameter" });
  });

  it("equals nothing by accident", () => {
    const secret: unknown = Secret.of(MARK);
    assert.equal(secret == MARK, false); // The loose comparison is the point: it would call a conversion.
    assert.equal(Secret.of(MARK) === secret, false);
  });

  it("cannot be changed, nor given a member", () => {
    const secret = Secret.of(MARK);
    assert.equal(Object.isFrozen(secret), true);
    assert.throws(() => Object.assign(secret, { toString: () => MARK }), TypeError);
  });

  it("gives its value to expose() alone", () => {
    assert.equal(
      Secret.of(MARK).expose((value) => value),
      MARK,
    );
  });

  it("overwrites a buffer when it is wiped, and is of no use afterwards", () => {
    const buffer = Buffer.from(MARK);
    const secret = Secret.of(buffer);
    secret.wipe();
    assert.equal(
      buffer.every((byte) => byte === 0),
      true,
    );
    assert.throws(() => secret.expose((value) => value), { message: "secret was wiped" });
  });

  it("a wiped text is out of reach, and wiping twice is no fault", () => {
    const secret = Secret.of(MARK);
    secret.wipe();
    secret.wipe();
    assert.throws(() => secret.expose((value) => value), { message: "secret was wiped" });
  });
});
