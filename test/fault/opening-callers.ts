// People who ask, approve, open and give back over HTTP while the service dies under them, and what each of them got.
import { setTimeout as sleep } from "node:timers/promises";
import type { Released } from "../../src/cli/api-client.js";
import { LocalError, RefusedError } from "../../src/cli/failure.js";
import { allow, type Crew, type ImportedAccount, Member } from "../support/crew.js";
import type { KilledService } from "./killed-service.js";
import type { ReceivedPlaintext } from "./opening-verdict.js";

/** Tries of one call, refused or cut off, before its caller gives up. */
const TRIES = 40;
const PAUSE_MS = 100;
/** Nobody has touched anything: a service that says one of these has lost something by being killed, or has a bug. */
const ALARMS: ReadonlySet<string> = new Set(["ROLLBACK_DETECTED", "CHAIN_BROKEN", "ROW_REFUSED", "SEAL_BROKEN", "INTERNAL"]);
const PASSING: ReadonlySet<string> = new Set(["UNAVAILABLE", "AUDIT_UNAVAILABLE", "KEY_UNAVAILABLE", "DEADLINE", "LOCKED_OUT"]);

/** An account that is imported, by our id. */
export interface OpenableAccount extends ImportedAccount {
  readonly id: string;
}

/** What all callers together saw. */
export class CallersBook {
  readonly received: ReceivedPlaintext[] = [];
  readonly refused: Record<string, number> = {};
  /** Openings that were asked for, each under a grant of its own. */
  tried = 0;
  /** Calls whose answer never came. */
  lost = 0;

  note(error: unknown): "again" | "over" {
    if (error instanceof LocalError) {
      this.lost++;
      return "again";
    }
    if (!(error instanceof RefusedError)) throw error;
    const { code } = error.refusal;
    if (ALARMS.has(code)) throw new Error(`the service said ${code}, request id ${error.refusal.requestId}`, { cause: error });
    this.refused[code] = (this.refused[code] ?? 0) + 1;
    return PASSING.has(code) ? "again" : "over";
  }
}

/** Everybody who asks and approves, in a ring: each one's requests are approved by the next. */
export class Callers {
  readonly #turns = new Map<Member, Promise<unknown>>();

  constructor(
    private readonly service: KilledService,
    private readonly members: readonly Member[],
    private readonly book: CallersBook,
  ) {}

  /** Each member opens account after account until `isOver`. @throws Error when `accounts` run out, or the service raises an alarm. */
  async work(accounts: OpenableAccount[], isOver: () => boolean): Promise<void> {
    await Promise.all(
      this.members.map(async (asking, index) => {
        const approving = this.members[(index + 1) % this.members.length] ?? asking;
        while (!isOver()) {
          const account = accounts.pop();
          if (account === undefined) throw new Error("there are too few accounts");
          await this.#open(asking, approving, account);
        }
      }),
    );
  }

  async #open(asking: Member, approving: Member, { id, password }: OpenableAccount): Promise<void> {
    const fields = { operation: "secret.reveal", accountId: id, purpose: "billing-root-only", ticket: "OPS-42" };
    const requestId = await this.#insist(asking, () => asking.ask(fields));
    if (requestId === undefined) return;
    // Refused it may be for having been done: the answer of the first try was lost.
    await this.#insist(approving, () => this.#inTurn(approving, () => approving.approve(requestId)));
    const request = await this.#insist(asking, () => asking.client.get(`/v1/requests/${requestId}`));
    const grantId = request?.textOrNull("grantId") ?? null;
    if (grantId === null) return;
    this.book.tried++;
    const released = await this.#insist(asking, () => this.#inTurn(asking, () => asking.open(grantId)));
    if (released !== undefined) this.book.received.push(receivedOf(grantId, password, released));
    await this.#insist(asking, () => asking.client.post(`/v1/grants/${grantId}/returns`));
  }

  /** Calls again while the service is down or not ready. @returns undefined when it was refused for good, or too often. */
  async #insist<T>(member: Member, act: () => Promise<T>): Promise<T | undefined> {
    for (let tries = 0; tries < TRIES; tries++) {
      member.moveTo((await this.service.running()).address);
      try {
        return await act();
      } catch (error) {
        if (this.book.note(error) === "over") return undefined;
        await sleep(PAUSE_MS);
      }
    }
    return undefined;
  }

  /** A time step's code counts once: two calls of one person at once would take the same. */
  async #inTurn<T>(member: Member, act: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(member) ?? Promise.resolve();
    const done = before.then(act, act);
    this.#turns.set(member, done);
    return await done;
  }
}

function receivedOf(grantId: string, imported: string, { secret, answer, receipt }: Released): ReceivedPlaintext {
  return {
    grantId,
    imported,
    text: secret.expose((text) => text),
    versionId: answer.text("versionId"),
    intentSeq: answer.count("intentSeq"),
    outcomeSeq: answer.count("outcomeSeq"),
    header: receipt,
    proof: answer.textOrNull("receipt"),
  };
}

/** The founders and `more` people beside them, all of whom ask and approve; Cyd audits, too. */
export async function gatherCallers({ ada, ben, cyd }: Crew, more: number): Promise<readonly Member[]> {
  const members = [ada, ben, cyd];
  // It goes round, so that nobody waits long for a time step, and nobody decides on themselves.
  const pair = (index: number) => [[ben, cyd] as const, [cyd, ada] as const][index % 3] ?? ([ada, ben] as const);
  for (let index = 0; index < more; index++) members.push(await enrol(`Caller ${String(index)}`, ...pair(index)));
  for (const role of ["requester", "approver"]) for (const [index, member] of members.entries()) await allow(...pair(index), member, role);
  await allow(ada, ben, cyd, "auditor");
  return members;
}

async function enrol(name: string, asking: Member, approving: Member): Promise<Member> {
  const member = new Member(name, asking.client.address);
  const { email, password, visitor } = member;
  const requestId = await asking.ask({ operation: "person.enrol", subject: { name, email } });
  await approving.approve(requestId);
  const { secret: token } = await asking.takeHalf(requestId, "link");
  const { secret: code } = await approving.takeHalf(requestId, "code");
  member.enrolAuthenticator(await visitor.release("/v1/invitations/acceptances", { token, code, password }, "otpauth"));
  await member.withCode((fresh) => visitor.post("/v1/invitations/confirmations", { token, code: fresh }));
  await member.signIn();
  return member;
}
