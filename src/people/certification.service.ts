import { createHash } from "node:crypto";
import type { AuditLog } from "../audit/audit-log.service.js";
import { canonicalJson } from "../audit/canonical-json.js";
import { draftEntry, personActor } from "../audit/draft.js";
import type { EntryDraft } from "../audit/entry.js";
import type { Transactions } from "../audit/transactions.service.js";
import type { Drafted } from "../database/transaction-runner.service.js";
import type { WorkTransaction } from "../database/work-transaction.js";
import { encodeFields } from "../kernel/encoding.js";
import { RootkeepError } from "../kernel/errors.js";
import type { Grant } from "../kernel/grant.js";
import { type Id, newEventId } from "../kernel/ids.js";
import type { RecordsKey } from "../keys/records.js";
import { AllowlistEntry } from "./allowlist-entry.entity.js";
import { CertifiedPolicies } from "./certified-policies.port.js";
import { CutRule } from "./cut-rule.js";
import { dueAt, isOpen, LapseRule } from "./lapse.js";
import { Person } from "./person.entity.js";
import { PersonTeam } from "./person-team.entity.js";
import { isRecovery, newestRecovery } from "./recovery-mark.js";

/** The allowlist as it stands, and what decides beside it, for those who are to certify it. */
export interface CertifiedList {
  /**
   * Lower-case hex SHA-256 over every entry that has neither ended nor run out, state and team of the person it names, and the version of
   * the policies.
   */
  readonly digest: string;
  /** Version of the policies in force. */
  readonly policies: string;
  readonly entries: number;
  /** Of them, those that have lapsed: a certificate brings them back. */
  readonly lapsed: number;
}

/** Where the log says that two custodians have looked at the whole allowlist. */
export interface Certificate {
  readonly seq: number;
  readonly digest: string;
  /** By the database's clock, and under the certificate's HMAC: the time of an entry is whoever's who owns the database. */
  readonly at: Date;
}

/** Where what was before ended, and by what; in the form in which the entries that end it say so. */
export type Cut = { readonly reopened: number } | { readonly recovered: number };

/** Place of the entry that cut. */
export function seqOfCut(cut: Cut): number {
  return "reopened" in cut ? cut.reopened : cut.recovered;
}

/**
 * Two custodians certify the allowlist as a whole: who stands on it, with which role and where, and in which team, is right, and so are the
 * policies. They do so every quarter, lest its entries lapse ({@link LapseRule}). A log that was reopened may have lost that somebody left or
 * that a policy became stricter, and custodians who were recovered have looked at nothing yet; until they have, nothing is opened (design §7,
 * decision 0028).
 */
export class Certification implements LapseRule, CutRule {
  constructor(
    private readonly transactions: Transactions,
    private readonly log: AuditLog,
    private readonly records: RecordsKey,
    /** How long a grant or a certificate vouches for an entry. */
    readonly periodSeconds: number,
  ) {
    transactions.lend(LapseRule, this);
    transactions.lend(CutRule, this);
    log.judge("allowlist.certify", (entry) => this.#read(entry) !== null);
    log.judge("people.recovered", (entry) => isRecovery(records, entry));
  }

  /** The newest certificate in the log, or null; one that somebody else appended is none, and takes an older one with it. */
  get newest(): Certificate | null {
    const entry = this.log.lastOf("allowlist.certify");
    const certificate = entry === undefined ? null : this.#read(entry);
    return entry === undefined || certificate === null ? null : { seq: entry.seq, ...certificate };
  }

  /** The newest entry behind which nothing of before counts as it stood: the log was reopened, or the custodians were recovered. Null for none. */
  get cut(): Cut | null {
    const [reopened, recovered] = [this.log.epochStarts.at(-1)?.seq, newestRecovery(this.log, this.records)];
    if (recovered !== undefined && recovered > (reopened ?? -1)) return { recovered };
    return reopened === undefined ? null : { reopened };
  }

  get cutSeq(): number | null {
    const { cut } = this;
    return cut === null ? null : seqOfCut(cut);
  }

  /** True while nobody has certified the allowlist since the {@link cut}. */
  get isMissing(): boolean {
    const { cut } = this;
    return cut !== null && (this.newest?.seq ?? -1) < seqOfCut(cut);
  }

  /** @throws RootkeepError `ALLOWLIST_UNCERTIFIED` while {@link isMissing}. */
  assertCertified(): void {
    if (this.isMissing) throw new RootkeepError("ALLOWLIST_UNCERTIFIED");
  }

  /** What would be certified now. */
  async current(): Promise<CertifiedList> {
    return await this.transactions.peek((tx) => this.currentIn(tx));
  }

  /** As {@link current}, of rows that stay as they are until the transaction ends. */
  async currentIn(tx: WorkTransaction): Promise<CertifiedList> {
    const now = await tx.clock();
    const people = new Map((await tx.readProven(Person)).map((person) => [person.id, person.state]));
    const teams = new Map((await tx.readProven(PersonTeam)).map(({ id, team }) => [id, team]));
    const policies = await tx.lent(CertifiedPolicies).versionIn(tx);
    const entries = (await tx.readProven(AllowlistEntry)).filter(({ endedAt, validTo }) => endedAt === null && validTo > now);
    const lines = entries.map(({ id, personId, role, scope, validFrom, validTo }) => ({
      id,
      person: personId,
      state: people.get(personId) ?? "UNKNOWN",
      team: teams.get(personId) ?? null,
      role,
      scope,
      validFrom: validFrom.toISOString(),
      validTo: validTo.toISOString(),
    }));
    lines.sort((one, other) => (one.id < other.id ? -1 : 1));
    const lapsed = entries.filter((entry) => isOpen(entry, now) && dueAt(entry, this, now) <= now).length;
    const digest = createHash("sha256")
      .update(canonicalJson({ entries: lines, policies }))
      .digest("hex");
    return { digest, policies, entries: lines.length, lapsed };
  }

  /**
   * The approved act `allowlist.certify`.
   * @throws RootkeepError `STATE_CONFLICT` when it is no longer what was asked about.
   */
  async certify(
    tx: WorkTransaction,
    grant: Grant<"allowlist.certify">,
    digest: string,
    parties: { requestId: Id<"request">; askedBy: Id<"person">; approvedBy: Id<"person"> },
  ): Promise<Drafted<EntryDraft>> {
    grant.spend("allowlist.certify", parties.requestId);
    const current = await this.currentIn(tx);
    if (current.digest !== digest)
      throw new RootkeepError("STATE_CONFLICT", { facts: { rule: "allowlist, teams or policies have changed since" } });
    const [id, certifiedAt] = [newEventId(), (await tx.clock()).toISOString()];
    const draft = draftEntry({
      id,
      action: "allowlist.certify",
      outcome: "committed",
      actor: personActor(parties.askedBy),
      target: { type: "allowlist", id: digest },
      request: { id: parties.requestId },
      details: {
        allowlistDigest: digest,
        certifiedAt,
        allowlistMac: this.records.mac(certificateBytes(id, digest, certifiedAt)).toString("hex"),
        policies: current.policies,
        entries: current.entries,
        lapsed: current.lapsed,
        approvedBy: parties.approvedBy,
      },
    });
    return { draft };
  }

  /** What a certificate's entry says, or null where it is not ours. */
  #read({
    eventId,
    details,
  }: {
    readonly eventId: string;
    readonly details: Readonly<Record<string, unknown>>;
  }): Omit<Certificate, "seq"> | null {
    const { allowlistDigest: digest, allowlistMac: mac, certifiedAt } = details;
    if (typeof digest !== "string" || typeof mac !== "string" || typeof certifiedAt !== "string") return null;
    if (!this.records.verify(certificateBytes(eventId, digest, certifiedAt), Buffer.from(mac, "hex"))) return null;
    return { digest, at: new Date(certifiedAt) };
  }
}

/** As in a configuration's approval: whoever owns the database can append an entry, but not the HMAC of this. */
function certificateBytes(eventId: string, digest: string, certifiedAt: string): Buffer {
  return encodeFields(["rk-allowlist-certificate-2", eventId, digest, certifiedAt]);
}
