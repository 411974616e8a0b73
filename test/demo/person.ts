import { randomBytes } from "node:crypto";
import type { Answer } from "../../src/cli/answer.js";
import { ApiClient, type Released } from "../../src/cli/api-client.js";
import { RefusedError } from "../../src/cli/failure.js";
import { codeOfStep, parseOtpauth, stepAt, type TotpKey } from "../support/totp.js";
import { sleep } from "./say.js";

const TRIES = 4;

/** One of the demo's people: an invented name, a password, an authenticator, a session. All they do goes over HTTP. */
export class Person {
  readonly email: string;
  readonly password = randomBytes(18).toString("base64url");
  id = "";
  client: ApiClient;
  /** What must turn up nowhere. */
  readonly secrets: string[] = [this.password];
  #key: TotpKey | undefined;
  #lastStep = -1;

  constructor(
    readonly name: string,
    private readonly address: string,
  ) {
    this.email = `${name.toLowerCase().replaceAll(" ", ".")}@example.com`;
    this.client = new ApiClient(address, null);
  }

  get firstName(): string {
    return this.name.split(" ")[0] ?? this.name;
  }

  /** Puts the URI into the authenticator. */
  enrolAuthenticator(released: Released): void {
    released.secret.expose((uri) => {
      this.#key = parseOtpauth(uri);
      this.secrets.push(new URL(uri).searchParams.get("secret") ?? uri);
    });
    this.id = released.answer.text("personId");
  }

  /**
   * Runs `act` with a fresh code. A step is accepted once for each person, so a second use waits for the next one. With steps of one second a
   * slow machine can be too late with a code: then it is done again with a newer one, as a person would.
   */
  async withCode<T>(act: (code: string) => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries++) {
      const code = await this.#freshCode();
      try {
        return await act(code);
      } catch (error) {
        const isLate = error instanceof RefusedError && ["STEP_UP_REQUIRED", "UNAUTHENTICATED"].includes(error.refusal.code);
        if (!isLate || tries === TRIES) throw error;
      }
    }
  }

  async signIn(): Promise<void> {
    const visitor = new ApiClient(this.address, null);
    const { email, password } = this;
    const { secret } = await this.withCode((code) => visitor.release("/v1/sessions", { email, password, code }, "token"));
    secret.expose((token) => this.secrets.push(token));
    this.client = new ApiClient(this.address, secret);
  }

  async ask(fields: Readonly<Record<string, unknown>>): Promise<string> {
    return (await this.client.post("/v1/requests", fields)).text("id");
  }

  async approve(requestId: string): Promise<Answer> {
    return await this.withCode((code) => this.client.post(`/v1/requests/${requestId}/approvals`, { code }));
  }

  /** Takes the link (who asked) or the code (who approved) of the invitation that a request has made. */
  async takeHalf(requestId: string, half: "link" | "code"): Promise<Released> {
    const field = half === "link" ? "token" : "code";
    return await this.withCode((code) => this.client.release(`/v1/requests/${requestId}/invitation-${half}`, { code }, field));
  }

  async #freshCode(): Promise<string> {
    const key = this.#key;
    if (key === undefined) throw new Error(`${this.name} has no authenticator`);
    // The next step's code: the service takes one step to either side, and so it is still good when a slow machine gets to it.
    const next = (): number => stepAt(key.periodSeconds, Date.now()) + 1;
    while (next() <= this.#lastStep) await sleep(20);
    this.#lastStep = next();
    return codeOfStep(key.seed, this.#lastStep);
  }
}
