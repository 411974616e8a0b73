import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type { AuditLog } from "../audit/audit-log.service.js";
import { draftEntry, SYSTEM_ACTOR } from "../audit/draft.js";
import type { Transactions } from "../audit/transactions.service.js";
import { plusSeconds } from "../kernel/clock.js";
import { RootkeepError } from "../kernel/errors.js";
import { type Id, newId } from "../kernel/ids.js";
import { LIMITS } from "../kernel/limits.js";
import type { RecordsKey } from "../keys/records.js";
import { AllowlistEntry } from "./allowlist-entry.entity.js";
import { Authenticator } from "./authenticator.entity.js";
import type { AuthenticatorSeal } from "./authenticator-seal.service.js";
import { configApproval } from "./config-approval.js";
import { foundingDetails, foundingId, isFounding } from "./founding-mark.js";
import { otpauthUri } from "./otpauth.js";
import { checkNewPassword, hashPassword } from "./passwords.service.js";
import { Person } from "./person.entity.js";
import { checkPersonForm, type PersonForm } from "./person-form.js";
import { scopeText } from "./scope.js";

export interface FoundingSettings {
  readonly deployment: string;
  readonly custodians: number;
  readonly periodSeconds: number;
  /** Digest of the trusted configuration, where founding approves it: the embedded trial (design §4). */
  readonly configDigest: string | null;
  readonly records: RecordsKey;
}

export interface FoundingAcceptance extends PersonForm {
  readonly token: string;
  readonly password: string;
}

/** One place among the founders. It lives in memory until all have confirmed. */
interface Seat {
  readonly tokenHash: Buffer;
  readonly expiresAt: Date;
  person: SeatedPerson | undefined;
  isConfirmed: boolean;
}

interface SeatedPerson {
  readonly personId: Id<"person">;
  readonly authenticatorId: Id<"authenticator">;
  readonly form: PersonForm;
  readonly passwordHash: string;
  readonly sealed: Buffer;
  readonly dataKeyId: string;
  lastStep: number;
}

/** Custodians are founded for a year; the quarterly re-certification comes with the allowlist's governance. */
const FOUNDING_VALID_SECONDS = 365 * 24 * 3600;

/**
 * Founding happens once: while the log holds nothing but its genesis. Seats are kept in memory, not in the database, so that nobody with
 * the database can sit down on one; a restart before the last founder has confirmed voids them all and hands out new invitations. The one
 * entry that ends it names the custodians and the fingerprints of their authenticators.
 */
export class Founding {
  #seats: Seat[] = [];
  #turn: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly transactions: Transactions,
    private readonly log: AuditLog,
    private readonly seal: AuthenticatorSeal,
    private readonly settings: FoundingSettings,
  ) {
    log.judge("people.founded", (entry) => isFounding(settings.records, settings.deployment, entry));
  }

  /** True once the founding entry is in the log that this service has read. */
  get isDone(): boolean {
    return this.log.lastOf("people.founded") !== undefined;
  }

  /** True once the deployment is founded, by whichever replica: one that has not heard of it reads the log on. */
  async isFounded(): Promise<boolean> {
    if (!this.isDone) await this.transactions.peek(() => Promise.resolve());
    return this.isDone;
  }

  /** New invitations, one token for each custodian; earlier ones are void. Valid for 24 hours. */
  invite(now: Date): string[] {
    const tokens = Array.from({ length: this.settings.custodians }, () => `rkf_${randomBytes(32).toString("base64url")}`);
    this.#seats = tokens.map((token) => ({
      tokenHash: sha256(token),
      expiresAt: plusSeconds(now, LIMITS.invitationSeconds),
      person: undefined,
      isConfirmed: false,
    }));
    return tokens;
  }

  /**
   * A founder takes a seat and gets the URI of their new authenticator, once.
   * @throws RootkeepError `NOT_FOUND` for an unknown or used token, `MALFORMED`, `ALREADY_EXISTS` for a name or e-mail taken by another founder.
   */
  async accept(form: FoundingAcceptance): Promise<{ personId: Id<"person">; otpauth: string }> {
    return await this.#alone(async () => {
      const seat = await this.#seat(form.token);
      if (seat.person !== undefined) throw new RootkeepError("ALREADY_RELEASED");
      const fields = [...checkPersonForm(form), ...checkNewPassword(form.password, [form.name, form.email])];
      if (fields.length > 0) throw new RootkeepError("MALFORMED", { fields });
      const isTaken = this.#seats.some(
        ({ person }) => person !== undefined && (isSame(person.form.email, form.email) || isSame(person.form.name, form.name)),
      );
      if (isTaken) throw new RootkeepError("ALREADY_EXISTS");
      const [personId, authenticatorId] = [newId("person"), newId("authenticator")];
      const seed = this.seal.newSeed();
      try {
        const { sealed, dataKeyId } = await this.seal.seal(personId, authenticatorId, seed);
        const passwordHash = await hashPassword(form.password);
        const person = { name: form.name, email: form.email };
        seat.person = { personId, authenticatorId, form: person, passwordHash, sealed, dataKeyId, lastStep: -1 };
        return { personId, otpauth: otpauthUri(seed, form.email, this.settings.deployment, this.settings.periodSeconds) };
      } finally {
        seed.wipe();
      }
    });
  }

  /**
   * A founder proves that the authenticator works. The last of them founds the deployment.
   * @throws RootkeepError `NOT_FOUND`, `STEP_UP_REQUIRED` for a wrong code, and as the log does.
   */
  async confirm(token: string, code: string): Promise<{ isFounded: boolean; missing: number }> {
    return await this.#alone(async () => {
      const seat = await this.#seat(token);
      if (seat.person === undefined) throw new RootkeepError("STATE_CONFLICT");
      const now = await this.transactions.peek((tx) => tx.clock());
      const step = this.seal.checkCode({
        ...seat.person,
        code,
        unixSeconds: now.getTime() / 1000,
        periodSeconds: this.settings.periodSeconds,
        afterStep: seat.person.lastStep,
      });
      if (step === null) throw new RootkeepError("STEP_UP_REQUIRED");
      seat.person.lastStep = step;
      seat.isConfirmed = true;
      const missing = this.#seats.filter(({ isConfirmed }) => !isConfirmed).length;
      if (missing === 0) await this.#found(this.#seats.flatMap(({ person }) => person ?? []));
      return { isFounded: missing === 0, missing };
    });
  }

  async #seat(token: string): Promise<Seat> {
    if (this.isDone) throw new RootkeepError("NOT_FOUND");
    const hash = sha256(token);
    const now = await this.transactions.peek((tx) => tx.clock());
    const seat = this.#seats.find(({ tokenHash, expiresAt }) => timingSafeEqual(tokenHash, hash) && now < expiresAt);
    if (seat === undefined || seat.isConfirmed) throw new RootkeepError("NOT_FOUND");
    return seat;
  }

  async #found(founders: readonly SeatedPerson[]): Promise<void> {
    await this.transactions.run(async (tx) => {
      const now = await tx.clock();
      const known = await tx.readProven(Person);
      // A log that holds more than its genesis belongs to a deployment that lives or has lived; nobody founds it again.
      if (this.log.knownSize() !== 1 || known.length > 0) throw new RootkeepError("STATE_CONFLICT");
      for (const founder of founders) this.#seatIn(tx, founder, now);
      const { configDigest, records, deployment } = this.settings;
      const id = foundingId(deployment);
      const draft = draftEntry({
        id,
        action: "people.founded",
        outcome: "committed",
        actor: SYSTEM_ACTOR,
        details: foundingDetails(records, deployment, {
          custodians: founders.map(({ personId, authenticatorId, sealed }) => ({
            person: personId,
            authenticator: authenticatorId,
            // Of the sealed seed, never of the seed: it names the authenticator without helping anybody to guess it.
            fingerprint: createHash("sha256").update(sealed).digest("hex"),
          })),
          ...(configDigest === null ? {} : configApproval(records, id, configDigest)),
        }),
        disclosures: founders.flatMap(({ form }, index) => [
          { field: `custodian.${String(index)}.name`, value: form.name },
          { field: `custodian.${String(index)}.email`, value: form.email },
        ]),
      });
      return { result: undefined, entries: [{ draft }] };
    });
    await this.transactions.peek(() => Promise.resolve());
    this.#seats = [];
  }

  #seatIn(tx: Parameters<Parameters<Transactions["run"]>[0]>[0], founder: SeatedPerson, now: Date): void {
    const { personId, form, lastStep } = founder;
    tx.insert(Person, { id: personId, name: form.name, email: form.email, state: "ACTIVE", createdAt: now });
    const shared = { personId, state: "ACTIVE" as const, usableFrom: now, createdAt: now };
    tx.insert(Authenticator, {
      ...shared,
      id: newId("authenticator"),
      kind: "password",
      passwordHash: founder.passwordHash,
      sealed: null,
      dataKeyId: null,
      lastStep: null,
    });
    tx.insert(Authenticator, {
      ...shared,
      id: founder.authenticatorId,
      kind: "totp",
      passwordHash: null,
      sealed: founder.sealed,
      dataKeyId: founder.dataKeyId as Id<"dataKey">,
      lastStep: String(lastStep),
    });
    tx.insert(AllowlistEntry, {
      id: newId("allowlist"),
      personId,
      role: "custodian",
      scope: scopeText({ kind: "all" }),
      validFrom: now,
      validTo: plusSeconds(now, FOUNDING_VALID_SECONDS),
      endedAt: null,
    });
  }

  /** One founder at a time: two calls must not both find themselves the last. */
  async #alone<T>(act: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(act);
    this.#turn = turn.catch(() => undefined);
    return await turn;
  }
}

function sha256(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}

function isSame(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}
