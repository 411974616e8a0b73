import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { describe, it } from "node:test";
import { newId } from "../../../src/kernel/ids.js";
import type { EventName, EventRow } from "../../../src/telemetry/events.js";
import { EVENTS } from "../../../src/telemetry/events.js";
import { formatEvent, Log, REFUSED_VALUE } from "../../../src/telemetry/log.service.js";
import { siteOf, slug } from "../../../src/telemetry/site.js";

const TIME = new Date("2026-11-22T10:00:00.000Z");
const MARK = "cAnArY 7f3a\u0007\u2028\n";

describe("the operators' log", () => {
  it("writes one JSON line per event, with its level", () => {
    const lines: string[] = [];
    const log = new Log({ write: (line) => lines.push(line) }, { now: () => TIME });
    const requestId = randomUUID();
    log.event("request.failed", { code: "FORBIDDEN", operation: "secret.reveal", requestId, status: 403 });
    assert.deepEqual(lines, [
      `{"time":"2026-11-22T10:00:00.000Z","level":"warn","event":"request.failed","code":"FORBIDDEN","operation":"secret.reveal",` +
        `"requestId":"${requestId}","status":403}\n`,
    ]);
  });

  it("marks the lines that wake somebody", () => {
    assert.match(formatEvent("row.refused", { table: slug("people.person"), id: newId("person") }, TIME), /"page":true/);
  });

  it("compiles with no free string in any field", () => {
    const neverCalled = (free: string): void => {
      // @ts-expect-error -- a plain string is no id.
      formatEvent("seal.broken", { id: free }, TIME);
      // @ts-expect-error -- a plain string is no slug.
      formatEvent("sweeper.finished", { job: free }, TIME);
      // @ts-expect-error -- a plain string is none of the codes.
      formatEvent("request.failed", { code: free }, TIME);
      // @ts-expect-error -- an event outside the list does not exist.
      formatEvent("service.chatted", {}, TIME);
    };
    assert.equal(typeof neverCalled, "function");
  });

  for (const name of Object.keys(EVENTS) as EventName[])
    it(`shows no text that a cast brought into ${name}, and still writes the line`, () => {
      const row: EventRow = EVENTS[name];
      const fields = Object.fromEntries(Object.keys(row.fields).map((field) => [field, MARK]));
      const line = formatEvent(name, { ...fields, [MARK]: MARK } as never, TIME);
      assert.equal((JSON.parse(line) as { event: string }).event, name);
      assert.ok(!line.includes("cAnArY"));
      assert.match(line, new RegExp(REFUSED_VALUE.replaceAll(/[[\]]/g, "\\$&")));
      assert.doesNotMatch(line, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029]/);
    });

  it("does not throw when its stream is gone", () => {
    const log = new Log({
      write: () => {
        throw new Error("EPIPE");
      },
    });
    assert.doesNotThrow(() => log.event("service.listening", { port: 1 }));
  });
});

describe("the site of an error", () => {
  it("names class and our own frames, and nothing of the message", () => {
    const error = new TypeError(MARK);
    error.stack = `TypeError: ${MARK}\n    at src/fake/${MARK}.ts:1:1\n    at reveal (file:///opt/x/dist/src/secrets/reveal.js:12:3)\n    at node:fs:1:1`;
    assert.equal(siteOf(error), "TypeError < src/secrets/reveal.js:12:3");
    assert.equal(siteOf(MARK), "not-an-error");
  });

  it("takes no class name that is not a plain name", () => {
    const error = new Error("x");
    error.name = MARK;
    error.stack = "";
    assert.equal(siteOf(error), "Error");
  });

  it("turns text that is no slug into a constant", () => {
    assert.equal(slug("ECONNREFUSED"), "ECONNREFUSED");
    assert.equal(slug(MARK), "malformed");
  });
});
