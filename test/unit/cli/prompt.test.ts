import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { LocalError } from "../../../src/cli/failure.js";
import { type InputStream, Prompt } from "../../../src/cli/prompt.js";

/** What a person types, or a program pipes, in these pieces. */
function input(pieces: readonly (string | Buffer)[], isTTY: boolean): InputStream & { readonly modes: boolean[] } {
  const modes: boolean[] = [];
  return {
    isTTY,
    modes,
    setRawMode: (isRaw) => modes.push(isRaw),
    async *[Symbol.asyncIterator]() {
      for (const piece of pieces) yield await Promise.resolve(piece);
    },
  };
}

class Stream {
  text = "";
  write(text: string): void {
    this.text += text;
  }
}

async function ask(prompt: Prompt, label: string, file?: string): Promise<string> {
  return (await prompt.secret(label, file)).expose((text) => text);
}

describe("the prompt", () => {
  it("reads a typed line without showing it", async () => {
    const [terminal, stderr] = [input([Buffer.from("hun"), Buffer.from("ter2\r")], true), new Stream()];
    assert.equal(await ask(new Prompt(terminal, stderr), "Password"), "hunter2");
    assert.equal(stderr.text, "Password: \n");
    assert.deepEqual(terminal.modes, [true, false]);
  });
  it("obeys backspace, also over a character of several bytes, and the key that clears the line", async () => {
    const terminal = input([Buffer.from("wrong\u0015pä\u007f\u007fqü\u0008x\n")], true);
    assert.equal(await ask(new Prompt(terminal, new Stream()), "Password"), "qx");
  });
  it("lets go of the terminal when it is interrupted", async () => {
    const terminal = input([Buffer.from("abc\u0003")], true);
    await assert.rejects(ask(new Prompt(terminal, new Stream()), "Password"), LocalError);
    assert.deepEqual(terminal.modes, [true, false]);
  });
  it("keeps what was typed ahead for the next question", async () => {
    const prompt = new Prompt(input([Buffer.from("one\rtwo\r")], true), new Stream());
    assert.deepEqual([await ask(prompt, "Password"), await ask(prompt, "Code")], ["one", "two"]);
  });
  it("reads a line each from a pipe, however it is cut, and asks nothing", async () => {
    const stderr = new Stream();
    const prompt = new Prompt(input(["on", "e\r\ntw", "o"], false), stderr);
    assert.deepEqual([await ask(prompt, "Password"), await ask(prompt, "Code")], ["one", "two"]);
    assert.equal(stderr.text, "");
    await assert.rejects(ask(prompt, "More"), LocalError);
  });
  it("takes the first line of a file, and nothing for an empty one", async () => {
    const folder = await mkdtemp(join(tmpdir(), "rootkeep-prompt-"));
    try {
      await writeFile(join(folder, "password"), "from a file \r\nsecond line\n");
      await writeFile(join(folder, "empty"), "\n");
      const prompt = new Prompt(input([], false), new Stream());
      assert.equal(await ask(prompt, "Password", join(folder, "password")), "from a file ");
      await assert.rejects(ask(prompt, "Password", join(folder, "empty")), LocalError);
      await assert.rejects(ask(prompt, "Password", join(folder, "absent")), LocalError);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
