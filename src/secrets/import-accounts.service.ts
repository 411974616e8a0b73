import { createHash } from "node:crypto";
import type { DataSource } from "typeorm";
import { type AccountRow, insertAccount } from "../accounts/account-registry.service.js";
import type { ImportedAccount } from "../accounts/accounts-csv.js";
import type { RootAddresses } from "../accounts/root-addresses.service.js";
import type { TrustedConfiguration } from "../approvals/trusted-configuration.service.js";
import type { AuditLog } from "../audit/audit-log.service.js";
import { canonicalJson } from "../audit/canonical-json.js";
import { draftEntry, personActor } from "../audit/draft.js";
import type { Transactions } from "../audit/transactions.service.js";
import { type FieldError, RootkeepError } from "../kernel/errors.js";
import { type Id, newId } from "../kernel/ids.js";
import type { Secret } from "../kernel/secret.js";
import type { DataKeys } from "../keys/data-keys.service.js";
import { type DataKeyRow, domainOf } from "../keys/domain.js";
import { type EscrowWrap, escrowDetails } from "../keys/escrow-wrap.js";
import type { KeyService } from "../keys/keys.service.js";
import { type ActingPerson, actingStanding } from "../people/acting-person.service.js";
import { hasRole } from "../people/standing.service.js";
import { type GoodLine, type ImportFormat, type ImportRules, judgeFile, wipeLine } from "./import-file.service.js";
import { ReadBack } from "./read-back.service.js";
import { SealedValues } from "./sealed-values.repository.js";
import { SecretRow } from "./secret.entity.js";
import { NO_CANDIDATE, SecretVersion } from "./secret-version.entity.js";

export interface ImportOptions {
  /** `reject`: one bad line and nothing of the file is imported. `skip`: the good lines are. */
  readonly onError: "reject" | "skip";
  /** Lines before this one were imported by an earlier, interrupted run. */
  readonly fromLine: number;
  /** Form of the file; CSV unless told. */
  readonly format?: ImportFormat;
  /** Judges the file as a run would, stores nothing, and says what would be imported. */
  readonly isDryRun?: boolean;
  /** Name of the run, so that its caller can ask how far it is; made here where it is left out. */
  readonly importId?: Id<"import">;
}

export interface ImportReport {
  readonly importId: Id<"import">;
  readonly rows: number;
  readonly imported: number;
  readonly skipped: number;
  readonly errors: readonly FieldError[];
  readonly lastLine: number;
}

/** How far a run is: accounts stored so far, of how many good lines. */
export interface ImportProgress {
  readonly importId: Id<"import">;
  readonly imported: number;
  readonly rows: number;
  readonly errors: number;
  readonly isDone: boolean;
}

/** Runs whose progress is remembered, of this replica and since its start. */
const REMEMBERED_RUNS = 100;

interface SealedImport {
  readonly line: number;
  readonly account: Omit<AccountRow, "seq" | "mac" | "createdAt">;
  readonly dataKeys: readonly { readonly row: DataKeyRow; readonly escrow: EscrowWrap | null }[];
  readonly values: readonly {
    secretId: Id<"secret">;
    versionId: Id<"version">;
    kind: "root-password" | "mfa-seed";
    dataKeyId: string;
    sealed: Buffer;
  }[];
}

/**
 * Imports accounts with their root credentials. The whole file is read and judged before anything is stored, so a bad line of a rejected
 * file leaves nothing behind; then each account is sealed, committed STAGED, read back, and made ACTIVE (law L5). What came from outside
 * is `EXPOSED` from the start. Killed half way, the accounts so far stand; the next run continues behind them, and {@link resume} makes
 * ACTIVE what was left STAGED.
 */
export class ImportAccounts {
  readonly #progress = new Map<Id<"import">, ImportProgress>();
  readonly #readBack: ReadBack;
  readonly #rules: ImportRules;

  constructor(
    private readonly dataSource: DataSource,
    private readonly transactions: Transactions,
    private readonly log: AuditLog,
    private readonly trust: TrustedConfiguration,
    private readonly keys: KeyService,
    private readonly dataKeys: DataKeys,
    refusedAccounts: readonly string[],
    private readonly onProgress: (progress: ImportProgress) => void,
    private readonly addresses: RootAddresses,
  ) {
    this.#rules = { transactions, addresses, refusedAccounts };
    this.#readBack = new ReadBack(dataSource, transactions, keys, dataKeys, log);
  }

  /**
   * Imports `file`, whose bytes are wiped. A dry run is refused for what a run is refused for, and writes nothing: no account, no entry.
   * @throws RootkeepError `MALFORMED` with line, column and rule of every fault when the file is rejected; `NOT_ALLOWLISTED`;
   *   `CONFIG_UNAPPROVED`; and `KEY_UNAVAILABLE` and the like with `fromLine`, where to go on.
   */
  async run(acting: ActingPerson, file: Buffer, options: ImportOptions): Promise<ImportReport> {
    const { importId = newId("import"), format = "csv", fromLine } = options;
    this.trust.assertApproved();
    await this.#assertMay(acting);
    const { good, errors, lastLine } = await judgeFile(this.#rules, file, { format, fromLine });
    try {
      if (errors.length > 0 && options.onError === "reject") throw new RootkeepError("MALFORMED", { fields: errors });
      if (good.length === 0 && errors.length > 0) throw new RootkeepError("MALFORMED", { fields: errors });
      const skipped = new Set(errors.map(({ line }) => line)).size;
      if (options.isDryRun === true) return { importId, rows: good.length + skipped, imported: 0, skipped, errors, lastLine };
      await this.#tell("import.started", acting, importId, { rows: good.length, errors: errors.length, onError: options.onError });
      const progress = { importId, imported: 0, rows: good.length, errors: errors.length, isDone: false };
      const imported = await this.#storeAll(acting, good, progress);
      await this.#tell("import.finished", acting, importId, { imported });
      this.#note({ ...progress, imported, isDone: true });
      return { importId, rows: imported + skipped, imported, skipped, errors, lastLine };
    } finally {
      for (const { row } of good) wipeLine(row);
    }
  }

  /** How far a run of this replica is. @throws RootkeepError `NOT_FOUND` for one that it does not know, or no longer. */
  progressOf(importId: Id<"import">): ImportProgress {
    const progress = this.#progress.get(importId);
    if (progress === undefined) throw new RootkeepError("NOT_FOUND");
    return progress;
  }

  /** Makes ACTIVE what an interrupted import left STAGED: first versions that were committed and read back whole. @returns how many. */
  async resume(): Promise<number> {
    const rows: { account_id: string }[] = await this.dataSource.query(`
      SELECT DISTINCT s.account_id FROM secrets.secret s JOIN secrets.secret_version v ON v.secret_id = s.id
      WHERE v.state = 'STAGED' AND v.number = 1 AND v.exposure = 'EXPOSED' AND v.ready IS NULL ORDER BY 1 LIMIT 1000`);
    const failures: unknown[] = [];
    // One account whose value does not open must not keep the others from being usable.
    for (const { account_id } of rows)
      await this.#readBack.activate(account_id as Id<"account">).catch((error: unknown) => failures.push(error));
    if (failures.length > 0) throw failures[0];
    return rows.length;
  }

  #note(progress: ImportProgress): void {
    this.#progress.delete(progress.importId);
    this.#progress.set(progress.importId, progress);
    const oldest = this.#progress.keys().next();
    if (this.#progress.size > REMEMBERED_RUNS && oldest.done !== true) this.#progress.delete(oldest.value);
    this.onProgress(progress);
  }

  async #assertMay(acting: ActingPerson): Promise<void> {
    await this.transactions.peek(async (tx) => {
      const standing = await actingStanding(tx, acting, await tx.clock());
      if (!hasRole(standing, "custodian")) throw new RootkeepError("NOT_ALLOWLISTED");
    });
  }

  async #storeAll(acting: ActingPerson, good: readonly GoodLine[], progress: ImportProgress): Promise<number> {
    let imported = 0;
    this.#note(progress);
    for (const { line, row } of good) {
      let fromLine = line;
      try {
        const sealed = await this.#seal(line, row);
        await this.#stage(acting, progress.importId, sealed);
        // From here on the account is registered, and the same line would be refused as known; {@link resume} makes it ACTIVE.
        fromLine = line + 1;
        await this.#readBack.activate(sealed.account.id as Id<"account">);
      } catch (error) {
        // Everything before this line stands; the caller goes on from here.
        throw error instanceof RootkeepError
          ? new RootkeepError(error.code, {
              facts: { ...error.facts, fromLine, imported },
              ...(error.reason === undefined ? {} : { reason: error.reason }),
            })
          : error;
      }
      imported++;
      this.#note({ ...progress, imported });
    }
    return imported;
  }

  async #seal(line: number, row: ImportedAccount): Promise<SealedImport> {
    const accountId = newId("account");
    const owner = { accountId, awsAccountId: row.awsId };
    const dataKeys: SealedImport["dataKeys"][number][] = [];
    // Also what is sealed under a recipient that is no longer approved would be given to whoever named it.
    this.trust.assertApproved();
    const values: SealedImport["values"][number][] = [];
    for (const [kind, plaintext] of [
      ["root-password", row.password],
      ["mfa-seed", row.mfaSeed],
    ] as const satisfies readonly (readonly [string, Secret<Buffer>])[]) {
      const { row: dataKey, sealer, escrow } = await this.keys.newDataKey(owner, domainOf(kind));
      try {
        const [secretId, versionId] = [newId("secret"), newId("version")];
        const facts = { ...owner, secretId, kind, version: 1, versionId, dataKeyId: dataKey.id, personId: "" };
        values.push({ secretId, versionId, kind, dataKeyId: dataKey.id, sealed: sealer.seal(plaintext, facts) });
        dataKeys.push({ row: dataKey, escrow });
      } finally {
        sealer.close();
      }
    }
    wipeLine(row);
    const { awsId, partition, kind, customer, tags, rootEmail } = row;
    const account = {
      id: accountId,
      awsId,
      partition,
      kind,
      customer,
      tags: canonicalJson(tags),
      rootEmail,
      state: "assuming",
      // With its credentials, which are here from now on.
      custody: "VAULTED",
      organizationId: null,
      contacts: null,
      checkoutGrantId: null,
    };
    return { line, account, dataKeys, values };
  }

  async #stage(acting: ActingPerson, importId: Id<"import">, { account, dataKeys, values, line }: SealedImport): Promise<void> {
    await this.transactions.run(async (tx) => {
      // Once the log has been read to its end: another replica may have taken over what is trusted since the key was wrapped [ES-9].
      tx.atHead(() => this.trust.assertApproved());
      const now = await tx.clock();
      const standing = await actingStanding(tx, acting, now);
      if (!hasRole(standing, "custodian")) throw new RootkeepError("NOT_ALLOWLISTED");
      insertAccount(tx, { ...account, createdAt: now });
      await this.addresses.note(tx, account.rootEmail, account.id as Id<"account">, "REGISTERED", now);
      for (const { row, escrow } of dataKeys) await this.dataKeys.insert(tx.manager, row, escrow);
      for (const value of values) {
        tx.insert(SecretRow, { id: value.secretId, accountId: account.id as Id<"account">, kind: value.kind, createdAt: now });
        await SealedValues.insert(tx.manager, value.versionId, value.sealed);
        tx.insert(SecretVersion, {
          id: value.versionId,
          secretId: value.secretId,
          number: 1,
          state: "STAGED",
          exposure: "EXPOSED",
          dataKeyId: value.dataKeyId as Id<"dataKey">,
          sealedSha256: sha256(value.sealed),
          lastStep: null,
          createdAt: now,
          ...NO_CANDIDATE,
        });
      }
      const draft = draftEntry({
        action: "account.import",
        outcome: "committed",
        actor: personActor(acting.personId),
        target: { type: "account", id: account.id, awsId: account.awsId, partition: account.partition },
        details: {
          import: importId,
          line,
          dataKeys: dataKeys.map(({ row }) => row.id),
          ...escrowDetails(dataKeys.flatMap(({ escrow }) => escrow ?? [])),
          versions: values.map(({ versionId, kind, sealed }) => ({ id: versionId, kind, sealedSha256: sha256(sealed).toString("hex") })),
        },
        disclosures: [
          { field: "customer", value: account.customer },
          { field: "rootEmail", value: account.rootEmail },
        ],
        stream: account.id,
      });
      return { result: undefined, entries: [{ draft }] };
    });
  }

  async #tell(
    action: "import.started" | "import.finished",
    acting: ActingPerson,
    importId: Id<"import">,
    details: Readonly<Record<string, string | number>>,
  ): Promise<void> {
    const target = { type: "import", id: importId };
    await this.log.record(draftEntry({ action, outcome: "committed", actor: personActor(acting.personId), target, details }));
  }
}

function sha256(bytes: Buffer): Buffer {
  return createHash("sha256").update(bytes).digest();
}
