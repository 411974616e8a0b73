import { open } from "node:fs/promises";
import { Secret } from "../kernel/secret.js";
import { LocalError } from "./failure.js";
import type { TextStream } from "./output.js";

/** What the prompt reads from: `process.stdin`, or a stream of a test. */
export interface InputStream extends AsyncIterable<Buffer | string> {
  readonly isTTY?: boolean | undefined;
  setRawMode?(isRaw: boolean): unknown;
}

const LINE_BYTES_MAX = 4_096;
const KEYS = { interrupt: 0x03, end: 0x04, backspace: 0x08, lineFeed: 0x0a, enter: 0x0d, escape: 0x1b, clear: 0x15, erase: 0x7f } as const;

/**
 * Where secrets come in: typed without echo at a terminal, else one line each from stdin, or a file. There is no way to hand one over as an
 * argument, which every user of the machine could read in the list of processes.
 */
export class Prompt {
  #rest: Buffer = Buffer.alloc(0);
  #chunks: AsyncIterator<Buffer | string> | undefined;

  constructor(
    private readonly input: InputStream,
    private readonly stderr: TextStream,
  ) {}

  /**
   * A secret that the person types, or the next line of stdin.
   * @param label what is asked for, such as `Password`.
   * @param file a file whose first line is taken instead.
   * @throws LocalError when nothing comes.
   */
  async secret(label: string, file?: string): Promise<Secret<string>> {
    const line = file === undefined ? await this.#line(label) : await firstLine(file);
    const text = line.toString("utf8");
    line.fill(0);
    if (text === "") throw new LocalError(`${label}: nothing was given`);
    return Secret.of(text);
  }

  /** Lets go of stdin, so that a program whose work is done may end. */
  async close(): Promise<void> {
    await this.#chunks?.return?.();
    this.#chunks = undefined;
  }

  async #line(label: string): Promise<Buffer> {
    if (this.input.isTTY !== true || this.input.setRawMode === undefined) return await this.#pipedLine(label);
    this.stderr.write(`${label}: `);
    this.input.setRawMode(true);
    try {
      return await this.#typedLine();
    } finally {
      this.input.setRawMode(false);
      this.stderr.write("\n");
    }
  }

  async #pipedLine(label: string): Promise<Buffer> {
    for (;;) {
      const end = this.#rest.indexOf(KEYS.lineFeed);
      if (end >= 0) return this.#take(end, 1);
      if (this.#rest.length > LINE_BYTES_MAX) throw new LocalError(`${label}: the line is too long`);
      const chunk = await this.#next();
      if (chunk !== null) this.#rest = Buffer.concat([this.#rest, chunk]);
      else if (this.#rest.length > 0) return this.#take(this.#rest.length, 0);
      else throw new LocalError(`${label}: stdin ended before it`);
    }
  }

  /** Raw mode: nothing is echoed, so the few keys that edit a line are ours to obey. */
  async #typedLine(): Promise<Buffer> {
    const typed: number[] = [];
    for (;;) {
      const chunk = this.#rest.length > 0 ? this.#rest : await this.#next();
      if (chunk === null) throw new LocalError("the terminal was closed");
      const end = chunk.findIndex((byte) => !edit(typed, byte));
      this.#rest = end === -1 ? Buffer.alloc(0) : chunk.subarray(end + 1);
      if (end !== -1) return Buffer.from(typed.splice(0));
    }
  }

  #take(end: number, separator: number): Buffer {
    const line = withoutReturn(Buffer.from(this.#rest.subarray(0, end)));
    this.#rest = this.#rest.subarray(end + separator);
    return line;
  }

  async #next(): Promise<Buffer | null> {
    this.#chunks ??= this.input[Symbol.asyncIterator]();
    const result = await this.#chunks.next();
    if (result.done === true) return null;
    return typeof result.value === "string" ? Buffer.from(result.value, "utf8") : result.value;
  }
}

/** Obeys one key. @returns false when it ends the line. @throws LocalError when it ends the asking. */
function edit(typed: number[], byte: number): boolean {
  switch (byte) {
    case KEYS.interrupt:
    case KEYS.escape:
      throw new LocalError("interrupted");
    case KEYS.end:
      if (typed.length === 0) throw new LocalError("interrupted");
      return false;
    case KEYS.enter:
    case KEYS.lineFeed:
      return false;
    case KEYS.backspace:
    case KEYS.erase:
      eraseCharacter(typed);
      return true;
    case KEYS.clear:
      typed.length = 0;
      return true;
    default:
      if (typed.push(byte) > LINE_BYTES_MAX) throw new LocalError("the line is too long");
      return true;
  }
}

/** UTF-8: the bytes of one character begin with the one that is no continuation. */
function eraseCharacter(typed: number[]): void {
  for (let byte = typed.pop(); byte !== undefined && (byte & 0xc0) === 0x80; ) byte = typed.pop();
}

async function firstLine(path: string): Promise<Buffer> {
  const file = await open(path, "r").catch((error: unknown) => {
    throw new LocalError(`${path} cannot be read (${(error as NodeJS.ErrnoException).code ?? "unknown fault"})`);
  });
  try {
    const buffer = Buffer.alloc(LINE_BYTES_MAX + 1);
    const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
    const found = buffer.subarray(0, bytesRead).indexOf(KEYS.lineFeed);
    if (found === -1 && bytesRead > LINE_BYTES_MAX) throw new LocalError(`${path}: the line is too long`);
    const line = Buffer.from(buffer.subarray(0, found === -1 ? bytesRead : found));
    buffer.fill(0);
    return withoutReturn(line);
  } finally {
    await file.close();
  }
}

function withoutReturn(line: Buffer): Buffer {
  return line.at(-1) === KEYS.enter ? line.subarray(0, -1) : line;
}
