import { type ChildProcess, spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { DemoFailure } from "./say.js";

const PROGRAM = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "src", "main.js");
const START_MS = 120_000;
const STOP_MS = 20_000;
const LISTENS = /^Rootkeep listens on (http:\/\/\S+)$/m;
const INVITATION = /^Founding invitation (\d+) of (\d+): (rkf_\S+)$/gm;

/** The service as a process of its own, with its own data directory and an environment that holds nothing else of ours. */
export class Service {
  #stdout = "";
  #stderr = "";
  #hasExited = false;

  private constructor(private readonly child: ChildProcess) {
    child.stdout?.on("data", (chunk: Buffer) => (this.#stdout += chunk.toString("utf8")));
    child.stderr?.on("data", (chunk: Buffer) => (this.#stderr += chunk.toString("utf8")));
    child.once("exit", () => (this.#hasExited = true));
  }

  /**
   * Starts it and waits until it listens.
   * @param totpPeriodSeconds length of a time step of people's authenticators.
   * @throws DemoFailure with the end of what it wrote when it does not come up.
   */
  static async start(dataDirectory: string, totpPeriodSeconds = 1): Promise<Service> {
    const child = spawn(process.execPath, [PROGRAM], {
      cwd: dataDirectory,
      env: {
        ...inherited(["PATH", "HOME", "LANG", "TMPDIR"]),
        ROOTKEEP_DATA_DIR: dataDirectory,
        ROOTKEEP_LISTEN_PORT: "0",
        ROOTKEEP_TRIAL_TOTP_PERIOD_SECONDS: String(totpPeriodSeconds),
        ROOTKEEP_TRIAL_AUTHENTICATOR_WAIT_SECONDS: "1",
        ROOTKEEP_TRIAL_PRINT_INVITATIONS: "yes",
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const service = new Service(child);
    try {
      await service.#until("start", START_MS, () => service.invitations.length > 0 && LISTENS.test(service.#stdout));
    } catch (error) {
      await service.kill();
      throw error;
    }
    return service;
  }

  get processId(): number {
    return this.child.pid ?? -1;
  }

  get address(): string {
    return LISTENS.exec(this.#stdout)?.[1] ?? "";
  }

  /** The founding invitations that it printed, once all of them are there. */
  get invitations(): readonly string[] {
    const found = [...this.#stdout.matchAll(INVITATION)];
    return found.length > 0 && found.length === Number(found[0]?.[2]) ? found.map(([, , , token]) => token ?? "") : [];
  }

  /** All that it wrote, on both streams. */
  get output(): string {
    return `${this.#stdout}\n${this.#stderr}`;
  }

  /** Asks it to end and waits until it has. @throws DemoFailure when it does not end by itself, or not with status 0. */
  async stop(): Promise<void> {
    this.child.kill("SIGTERM");
    await this.#until("stop", STOP_MS, () => this.#hasExited, false);
    if (this.child.exitCode !== 0) throw new DemoFailure(`the service ended with status ${String(this.child.exitCode)}`);
  }

  /** Ends it whatever it does, for the way out of a failed demo. */
  async kill(): Promise<void> {
    if (this.#hasExited) return;
    this.child.kill("SIGTERM");
    const isGone = await this.#until("stop", STOP_MS, () => this.#hasExited, false).then(
      () => true,
      () => false,
    );
    if (!isGone) this.child.kill("SIGKILL");
  }

  async #until(what: string, timeoutMs: number, holds: () => boolean, mustLive = true): Promise<void> {
    const end = Date.now() + timeoutMs;
    while (!holds()) {
      if (mustLive && this.#hasExited) throw new DemoFailure(`the service ended instead of coming up:\n${this.#stderr.slice(-2_000)}`);
      if (Date.now() > end)
        throw new DemoFailure(`the service did not ${what} in ${String(timeoutMs / 1000)} s:\n${this.#stderr.slice(-2_000)}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** Whatever the caller's environment says of us must not reach the demo's service. */
function inherited(names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])));
}
