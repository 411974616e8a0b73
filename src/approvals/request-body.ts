import { createHash, timingSafeEqual } from "node:crypto";
import { canonicalJson, type JsonObject, parseCanonical } from "../audit/canonical-json.js";
import { encodeFields } from "../kernel/encoding.js";
import { RootkeepError } from "../kernel/errors.js";
import type { Id } from "../kernel/ids.js";
import type { Operation } from "../kernel/operations.js";
import type { Taking } from "../people/taking-statement.port.js";
import type { PurposeKind } from "./purpose.js";

/** Format label of a request; covered by its hash. */
const FORMAT = "rk-request-1";
/** Operations whose subject is, or holds, personal data. */
const ABOUT_PEOPLE: readonly unknown[] = ["person.enrol", "account.change"];
/** Of a request that is over, when what people wrote into it was erased; its hash stays that of what was approved [RQ-9]. */
const ERASED_FORMAT = "rk-request-erased-1";

/** A secret that a request is about, and who is to hold what is opened of it. */
export interface RequestedSecret {
  readonly id: Id<"secret">;
  readonly kind: PurposeKind;
  readonly holder: Id<"person">;
}

/** Terms of an opening as its policies had them when it was submitted; of these and today's the stricter count. */
export interface SubmittedTerms {
  readonly codes: number;
  readonly otherTeam: boolean;
  readonly split: boolean;
  readonly selfService: boolean;
  /** Names of the policies that matched. */
  readonly policies: readonly string[];
}

/**
 * The whole request: every field that an approval binds to (design §6, docs/spec/request.md). It is written once and never changes.
 * Times are RFC 3339 UTC, `minutes` counts from the last approval.
 */
export interface RequestBody {
  readonly log: string;
  readonly id: Id<"request">;
  /** 16 random bytes, hex: two equal requests have different hashes. */
  readonly nonce: string;
  readonly operation: Operation;
  readonly requester: Id<"person">;
  readonly account: { readonly id: Id<"account">; readonly awsId: string; readonly partition: string } | null;
  readonly purpose: { readonly slug: string; readonly catalogue: string } | null;
  readonly secrets: readonly RequestedSecret[];
  readonly policy: { readonly version: string; readonly approvals: number; readonly terms?: SubmittedTerms };
  readonly ticket: string | null;
  readonly reason: string;
  readonly minutes: number;
  readonly flags: readonly string[];
  /** What a change of people, allowlist, configuration or exposure is about; empty for an opening. */
  readonly subject: JsonObject;
  readonly submittedAt: string;
  readonly expiresAt: string;
}

/** Canonical JSON of `body`: the bytes that are stored, shown and hashed. */
export function requestText(body: RequestBody): string {
  return canonicalJson({ format: FORMAT, ...body });
}

/** SHA-256 of the request's text: what approvals and grants bind to. 32 bytes. */
export function requestHash(text: string): Buffer {
  return createHash("sha256").update(text, "utf8").digest();
}

/**
 * Reads a stored request back, to decide by it.
 * @throws RootkeepError `ROW_REFUSED` when text and hash do not belong together (law L3); `STATE_CONFLICT` for one that was erased: it is over.
 */
export function parseRequest(text: string, hash: Buffer): RequestBody {
  if (erasedBody(text) !== null) throw new RootkeepError("STATE_CONFLICT", { reason: "request was erased" });
  const actual = requestHash(text);
  if (hash.length !== actual.length || !timingSafeEqual(hash, actual)) throw new RootkeepError("ROW_REFUSED", { reason: "request hash" });
  const { format, ...body } = parseCanonical(Buffer.from(text, "utf8"));
  if (format !== FORMAT) throw new RootkeepError("ROW_REFUSED", { reason: "request format" });
  return body as unknown as RequestBody;
}

/**
 * Reads a stored request back, to show it. What is erased shows no reason, and no subject where that was a person's name; that it is the row's
 * own text, its HMAC says.
 * @throws RootkeepError `ROW_REFUSED` as {@link parseRequest}.
 */
export function shownRequest(text: string, hash: Buffer): RequestBody {
  return erasedBody(text) ?? parseRequest(text, hash);
}

/**
 * The text of a request that is over, without the reason, the name and e-mail address of who was enrolled by it, and the contacts of an account. The nonce goes
 * with them: the hash stays, and with the nonce a guess of what was erased could be tried against it [RQ-9].
 */
export function erasedText(text: string): string {
  const body = parseCanonical(Buffer.from(text, "utf8"));
  const subject = ABOUT_PEOPLE.includes(body["operation"]) ? {} : (body["subject"] ?? {});
  return canonicalJson({ ...body, subject, nonce: "", reason: "", format: ERASED_FORMAT });
}

function erasedBody(text: string): RequestBody | null {
  let value: JsonObject;
  try {
    value = parseCanonical(Buffer.from(text, "utf8"));
  } catch {
    return null;
  }
  const { format, ...body } = value;
  return format === ERASED_FORMAT ? (body as unknown as RequestBody) : null;
}

/** What a second factor confirms (docs/spec/approval-statement.md): today by a TOTP code beside it, tomorrow by a passkey's signature. */
export interface Statement {
  readonly act: "approve" | "deny" | "open" | "take" | "review";
  readonly requestHash: string;
  readonly person: Id<"person">;
  readonly authenticator: Id<"authenticator"> | null;
  /** 32 random bytes, hex, used once. */
  readonly challenge: string;
  /**
   * For an opening: the grant, the version, and which opening of it this is, counting from 1; where the value is delivered to a key of
   * the client's, that key's thumbprint.
   */
  readonly opening?: {
    readonly grant: Id<"grant">;
    readonly version: Id<"version">;
    readonly number: number;
    readonly deliverTo?: string;
  };
  /** For half an invitation: which half of which. */
  readonly taking?: Pick<Taking, "invitation" | "half">;
}

/** Canonical JSON of `statement`. */
export function statementText(statement: Statement): string {
  return canonicalJson({ format: "rk-statement-1", ...statement });
}

/** True if the stored statement is about the request with this hash: what an approval binds to (law L3). */
export function isStatementOf(statement: string, hash: Buffer): boolean {
  return parseCanonical(Buffer.from(statement, "utf8"))["requestHash"] === hash.toString("hex");
}

/**
 * Bytes from which an opening's event id is derived: one grant, one version, one number give one id, and the log takes an id once
 * (law L4), even if the grant's row is put back.
 */
export function openingBytes(grantId: string, versionId: string, number: number): Buffer {
  return encodeFields(["rk-opening-1", grantId, versionId, String(number)]);
}

/** Bytes from which the event id of an opening's outcome is derived: one intent has one outcome. */
export function outcomeBytes(intentEventId: string): Buffer {
  return encodeFields(["rk-outcome-1", intentEventId]);
}

/** Approvals that a request needs: the stricter of what it was submitted under and what holds now, and never none (law L2) [RQ-5]. */
export function neededApprovals(body: Pick<RequestBody, "policy">, now: { readonly approvals: number }): number {
  return Math.max(1, body.policy.approvals, now.approvals);
}

/** The requester and everybody who is to open something: none of them approves. */
export function askingPeople(body: Pick<RequestBody, "requester" | "secrets">): Id<"person">[] {
  return [...new Set([body.requester, ...body.secrets.map(({ holder }) => holder)])];
}
