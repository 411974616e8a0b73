import { run } from "node:test";
import { inspect } from "node:util";

/** A test that did not run, and why. */
export interface Skip {
  readonly name: string;
  readonly reason: string;
}

/** A test, hook or file that failed, with everything that is known of it. */
export interface Failure {
  readonly name: string;
  readonly text: string;
}

/** What became of one test file. Only leaf tests are counted: neither a `describe` nor a test that merely holds others. */
export interface FileResult {
  readonly passed: number;
  readonly failed: number;
  readonly skips: readonly Skip[];
  readonly failures: readonly Failure[];
  /** What the file wrote to its streams; worth reading when something failed. */
  readonly output: string;
}

export interface FileRunOptions {
  /** Only tests whose name matches; undefined for all. */
  readonly grep?: RegExp | undefined;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** The part of node:test's events that is read here. */
export interface TestEvent {
  readonly type: string;
  readonly data: {
    readonly name?: string;
    readonly nesting?: number;
    readonly message?: string;
    readonly skip?: string | boolean;
    readonly todo?: string | boolean;
    readonly details?: { readonly type?: string; readonly error?: unknown };
  };
}

const OUTPUT_CHARS_MAX = 20_000;
// What node:test gives as the reason for tests that --grep leaves out: they were not asked for, so they are no skips.
const NOT_ASKED_FOR = "does not match pattern";

/** Runs one compiled test file in a process of its own. Never throws: whatever goes wrong is a failure of the file. */
export async function runTestFile(path: string, options: FileRunOptions): Promise<FileResult> {
  const tally = new FileTally(path, options.grep !== undefined);
  try {
    const events = run({
      files: [path],
      concurrency: 1,
      timeout: options.timeoutMs,
      ...(options.grep === undefined ? {} : { testNamePatterns: options.grep }),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
    for await (const event of events) tally.take(event as TestEvent);
  } catch (error) {
    tally.fail("the runner itself", error);
  }
  return tally.result();
}

/** Counts the leaves out of the stream of events. A child's event comes before its parent's. */
export class FileTally {
  #passed = 0;
  #failed = 0;
  readonly #skips: Skip[] = [];
  readonly #failures: Failure[] = [];
  #output = "";
  /** Names of the tests that are open, outermost first. */
  readonly #open: string[] = [];
  /** Per depth: events and failures since the last event one depth up. */
  readonly #seen: number[] = [];
  readonly #broken: number[] = [];

  constructor(
    private readonly path: string,
    private readonly isFiltered: boolean,
  ) {}

  take({ type, data }: TestEvent): void {
    if (type === "test:stdout" || type === "test:stderr") this.#keep(data.message ?? "");
    // Errors that arise outside any test, such as unhandled rejections, come as diagnostics only.
    if (type === "test:diagnostic" && (data.message ?? "").startsWith("Error")) this.#keep(`${data.message ?? ""}\n`);
    if (type === "test:start") this.#open.splice(data.nesting ?? 0, Infinity, data.name ?? "?");
    if (type === "test:pass" || type === "test:fail") this.#finish(type === "test:pass", data);
  }

  fail(name: string, error: unknown): void {
    this.#failed++;
    this.#failures.push({ name, text: describeError(error) });
  }

  result(): FileResult {
    // A file without a test looks like a passing one to node:test. It proves nothing, so it does not pass.
    if (!this.isFiltered && this.#passed + this.#failed + this.#skips.length === 0) this.fail("the file", "it holds no test");
    return { passed: this.#passed, failed: this.#failed, skips: this.#skips, failures: this.#failures, output: this.#output };
  }

  #keep(text: string): void {
    this.#output = `${this.#output}${text}`.slice(-OUTPUT_CHARS_MAX);
  }

  #finish(hasPassed: boolean, data: TestEvent["data"]): void {
    if (data.name === this.path) {
      // The file as a whole: it fails for a reason of its own when the process crashed or ran out of time.
      if (!hasPassed && failureType(data.details?.error) !== "subtestsFailed") this.fail("the file", data.details?.error);
      return;
    }
    const depth = data.nesting ?? 0;
    const children = this.#seen[depth + 1] ?? 0;
    const brokenChildren = this.#broken[depth + 1] ?? 0;
    this.#seen[depth + 1] = 0;
    this.#broken[depth + 1] = 0;
    this.#seen[depth] = (this.#seen[depth] ?? 0) + 1;
    if (!hasPassed || brokenChildren > 0) this.#broken[depth] = (this.#broken[depth] ?? 0) + 1;
    const name = [...this.#open.slice(0, depth), data.name ?? "?"].join(" > ");
    const reason = skipReason(data);
    if (reason !== undefined) {
      if (!reason.includes(NOT_ASKED_FOR)) this.#skips.push({ name, reason });
      return;
    }
    const isLeaf = children === 0 && data.details?.type !== "suite";
    if (hasPassed) this.#passed += isLeaf ? 1 : 0;
    else this.#takeFailure(name, isLeaf, brokenChildren, data.details?.error);
  }

  #takeFailure(name: string, isLeaf: boolean, brokenChildren: number, error: unknown): void {
    // A group that fails only because of its tests adds nothing to what they said.
    if (!isLeaf && failureType(error) === "subtestsFailed") return;
    // A failed hook cancels tests, and those are counted; where it cancelled none it still has to count as something.
    if (isLeaf || brokenChildren === 0) this.#failed++;
    this.#failures.push({ name, text: describeError(error) });
  }
}

function skipReason(data: TestEvent["data"]): string | undefined {
  if (data.skip !== undefined && data.skip !== false) return data.skip === true ? "no reason given" : data.skip;
  if (data.todo !== undefined && data.todo !== false) return data.todo === true ? "to do" : `to do: ${data.todo}`;
  return undefined;
}

function failureType(error: unknown): unknown {
  return typeof error === "object" && error !== null && "failureType" in error ? error.failureType : undefined;
}

function describeError(error: unknown): string {
  if (typeof error === "string") return error;
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  const text = typeof cause === "string" ? cause : inspect(cause, { depth: 6 });
  const exit = typeof error === "object" && error !== null && "exitCode" in error ? ` (exit code ${String(error.exitCode)})` : "";
  return `${text}${exit}`;
}
