import { createHash } from "node:crypto";
import { leafHash } from "../audit/chain.js";
import { type DestructionBody, destructionHash } from "../audit/destruction.js";
import { CERTIFICATE_BYTES_MAX, type DestructionCertificate, type ProvenText, parseCertificate } from "../audit/destruction-certificate.js";
import { type Finality, finalityOf } from "../audit/destruction-finality.js";
import { type Entry, entryExtras, parseEntry } from "../audit/entry.js";
import { isObject } from "../audit/entry-form.js";
import { isEarlierEpoch } from "../audit/epoch.js";
import { type KeyLine, parseKeyLines } from "../audit/key-lines.js";
import { verifyInclusion } from "../audit/tlog/proof.js";
import { TlogError } from "../audit/tlog/tlog-error.js";
import { parseTlogProof } from "../audit/tlog/tlog-proof.js";
import type { ExportSource } from "./export-source.js";
import { LogNotes } from "./log-notes.js";
import { type Report, ReportBuilder } from "./report.js";
import { otherLog, type Trust } from "./trust.js";

/** Every check of a certificate of destruction, in the order of the report (docs/spec/destruction-certificate.md, "Verifying"). */
export const CERTIFICATE_CHECKS = ["form", "signatures", "quorum", "inclusion", "destroyed", "people", "files", "trust"] as const;
export type CertificateCheck = (typeof CERTIFICATE_CHECKS)[number];

/** The file that is the certificate; what lies beside it repeats parts of it. */
export const CERTIFICATE_FILE = "certificate.json";
const BODY_FILE = "body.json";

/** The report, and what the certificate then says about backups; null where it says nothing that counts. */
export interface CertificateReport extends Report<CertificateCheck> {
  readonly finality: Finality | null;
}

/**
 * Checks a certificate of destruction with nothing but its file and what the reader knows.
 * @returns the report; a certificate that cannot be read is reported as incomplete, not thrown.
 */
export async function verifyCertificate(source: ExportSource, trust?: Trust): Promise<CertificateReport> {
  const report = new ReportBuilder<CertificateCheck>(CERTIFICATE_CHECKS);
  const certificate = await readCertificate(source, report);
  if (certificate === null) {
    return { ...report.build({ origin: null, from: null, to: null, entries: 0 }, ""), finality: null };
  }
  const { body } = certificate;
  const entries = proven(certificate, trust, report);
  checkDestroyed(body, entries, report);
  checkPeople(body, entries, report);
  await checkBodyFile(source, body, report);
  checkTrust(body, trust, report);
  const finality = finalityOf(body, entries);
  const facts = { origin: body.log, from: null, to: null, entries: entries.length };
  return { ...report.build(facts, statementFor(body, finality, trust)), finality };
}

function statementFor({ account, keys, versions, destroyedAt }: DestructionBody, { sentence }: Finality, trust: Trust | undefined): string {
  const what = `the log has it that ${String(keys.length)} data keys and ${String(versions.length)} sealed values of AWS account ${account.awsId} (${account.id}) were destroyed at ${destroyedAt}`;
  const whose =
    trust?.keys === undefined ? "consistent with the key in the certificate; origin not checked" : "under a key of the trust file";
  return `${what}, ${whose}. ${sentence}`;
}

async function readCertificate(source: ExportSource, report: ReportBuilder<CertificateCheck>): Promise<DestructionCertificate | null> {
  const bytes = await source.read(CERTIFICATE_FILE, CERTIFICATE_BYTES_MAX).catch(() => null);
  if (bytes === null) {
    report.incomplete("form", `${CERTIFICATE_FILE} is missing or cannot be read`);
    return null;
  }
  try {
    const certificate = parseCertificate(bytes);
    report.note("form", "ok", "the certificate is in its one canonical form");
    return certificate;
  } catch (error) {
    report.tampered("form", `${CERTIFICATE_FILE} ${error instanceof Error ? error.message : "cannot be read"}`);
    return null;
  }
}

/** Entries that a signed checkpoint covers; all others count for nothing. */
function proven(certificate: DestructionCertificate, trust: Trust | undefined, report: ReportBuilder<CertificateCheck>): readonly Entry[] {
  const keys = keysOf(certificate, trust, report);
  if (keys === null) return [];
  const notes = new LogNotes(keys, trust?.policy);
  const entries = certificate.entries.flatMap((one) => provenEntry(one, certificate.body.log, notes, report) ?? []);
  const whose = trust?.keys === undefined ? "a key that the certificate names itself" : "a key of the trust file";
  if (entries.length > 0) {
    report.note("signatures", "ok", `the checkpoints are signed by ${whose}`);
    report.note("inclusion", "ok", `all ${String(entries.length)} entries are in the log, where they say`);
  }
  report.note("quorum", "ok", "the witnesses of the policy have cosigned the checkpoints");
  if (!notes.hasQuorum) report.note("quorum", "skipped", "no policy in the trust file: witnesses were not asked for");
  return entries;
}

function keysOf(
  { keys }: DestructionCertificate,
  trust: Trust | undefined,
  report: ReportBuilder<CertificateCheck>,
): readonly KeyLine[] | null {
  if (trust?.keys !== undefined) return trust.keys;
  try {
    return parseKeyLines(keys);
  } catch (error) {
    if (!(error instanceof TlogError)) throw error;
    report.incomplete("signatures", `the certificate's keys: ${error.message}`);
    return null;
  }
}

function provenEntry(
  { seq, bytes, proof }: ProvenText,
  origin: string,
  notes: LogNotes,
  report: ReportBuilder<CertificateCheck>,
): Entry | null {
  try {
    const { index, hashes, note } = parseTlogProof(Buffer.from(proof, "utf8"));
    const { checkpoint, isCosigned } = notes.open(note);
    if (!isSameLog(checkpoint.origin, origin)) throw new TlogError("is of another log than the certificate");
    if (!isCosigned) report.tampered("quorum", "the witnesses of the policy have not cosigned a checkpoint", seq);
    const entry = parseEntry(bytes);
    if (index !== seq || entry.seq !== seq || !isSameLog(entry.log, origin)) throw new TlogError("is not the entry that it is said to be");
    verifyInclusion(index, checkpoint.size, leafHash(bytes), hashes, checkpoint.root);
    return entry;
  } catch (error) {
    const fault = error instanceof Error ? error.message : "cannot be read";
    report.tampered(error instanceof TlogError ? "inclusion" : "form", `the entry or its proof ${fault}`, seq);
    return null;
  }
}

/** What was destroyed is what the log says was destroyed: the hash, the account, every key, every version. */
function checkDestroyed(body: DestructionBody, entries: readonly Entry[], report: ReportBuilder<CertificateCheck>): void {
  const told = entries.filter(({ action, outcome }) => action === "account.destroyed" && outcome === "committed");
  if (told.length === 0) {
    report.tampered("destroyed", "no entry that is proven says that the account was destroyed");
    return;
  }
  for (const entry of told) {
    const fault = entryFault(body, entry);
    if (fault !== null) report.tampered("destroyed", fault, entry.seq);
  }
  const rows = new Set(told.flatMap((entry) => entryExtras(entry).rows));
  const missing = body.versions.some(({ id }) => !rows.has(`secret_version/${id}`));
  if (missing || !rows.has(`destruction/${body.account.id}`))
    report.tampered("destroyed", "the entries do not list every version that was destroyed");
  report.note("destroyed", "ok", "the entry carries the certificate's hash, and names every key and version");
}

/** What of an entry that destroyed the account is not as the certificate says; null where it is. */
function entryFault(body: DestructionBody, entry: Entry): string | null {
  const { details, target } = entryExtras(entry);
  const named: unknown = details?.["keys"];
  if (details?.["certificate"] !== destructionHash(body)) return "the entry carries the hash of another certificate";
  if (target?.id !== body.account.id || entry["stream"] !== body.account.id) return "the entry is of another account";
  const keys = body.keys.map(({ id }) => id).join();
  return Array.isArray(named) && named.join() === keys ? null : "the entry names other keys";
}

/** Who asked and who approved, as the log has it: different people, about this request. */
function checkPeople(body: DestructionBody, entries: readonly Entry[], report: ReportBuilder<CertificateCheck>): void {
  const about = (action: string): readonly Entry[] =>
    entries.filter((entry) => {
      const request = entry["request"];
      const isOurs = isObject(request) && request["id"] === body.request.id && request["hash"] === body.request.hash;
      return entry.action === action && entry.outcome === "committed" && isOurs && entry.actor.type === "person";
    });
  const asked = about("request.submit").some(({ actor }) => actor.id === body.askedBy);
  const approvers = new Set(about("request.approve").map(({ actor }) => actor.id));
  const isDone = about("account.destroyed").some(({ actor }) => actor.id === body.askedBy);
  if (!asked || !isDone) report.tampered("people", "no entry that is proven says that this person asked for it");
  if (!body.approvedBy.every((id) => approvers.has(id)))
    report.tampered("people", "no entry that is proven says that these people approved it");
  report.note("people", "ok", "one person asked, another approved, and the log has both");
}

async function checkBodyFile(source: ExportSource, body: DestructionBody, report: ReportBuilder<CertificateCheck>): Promise<void> {
  const beside = await source.read(BODY_FILE, CERTIFICATE_BYTES_MAX).catch(() => null);
  if (beside === null) report.note("files", "not-present", `${BODY_FILE} is not here`);
  else if (createHash("sha256").update(beside).digest("hex") === destructionHash(body))
    report.note("files", "ok", `${BODY_FILE} is the certificate's body`);
  else report.tampered("files", `${BODY_FILE} is not the certificate's body`);
}

function checkTrust({ log }: DestructionBody, trust: Trust | undefined, report: ReportBuilder<CertificateCheck>): void {
  if (trust === undefined) report.note("trust", "skipped", "no trust file: whoever made all of this anew would not be noticed");
  else if (!isSameLog(trust.origin, log)) report.tampered("trust", otherLog(trust.origin, log));
  else if (trust.keys === undefined) report.incomplete("trust", "no key of the log is in the trust file");
  else report.note("trust", "ok", "origin and key are as the trust file says");
}

/** Of one log, in whichever of its epochs: a certificate outlives a reopening. */
function isSameLog(one: string, other: string): boolean {
  return one === other || isEarlierEpoch(one, other) || isEarlierEpoch(other, one);
}
