import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { leafHash } from "../../../src/audit/chain.js";
import { draftEntry, personActor } from "../../../src/audit/draft.js";
import { ExportDirectory } from "../../../src/verify/export-directory.js";
import type { Report } from "../../../src/verify/report.js";
import type { Trust } from "../../../src/verify/trust.js";
import { verifyExport } from "../../../src/verify/verify-export.js";
import { withClient } from "../../support/postgres.js";
import { sampleManifest, writeExport } from "../../support/sample-log.js";
import { Vault } from "../../support/vault.js";

// real: PostgreSQL, the log, its reader, the offline verifier. double: none. Attacks on it are in test/attacks/log.

const SIZE = 600;

describe("the log, from the service's hands into an auditor's", () => {
  let vault: Vault;
  let directory: string;

  before(async () => {
    vault = await Vault.open();
    directory = await mkdtemp(join(tmpdir(), "rootkeep-export-"));
    const drafts = Array.from({ length: SIZE - 1 }, (_, index) =>
      draftEntry({
        action: "secret.reveal",
        outcome: "denied",
        actor: personActor("per_0123456789abcdefghjkmnpqrs"),
        details: { reason: 'Grüße, "zitiert"\n' },
        stream: `acc_${String(index % 7).padStart(26, "0")}`,
        ...(index % 50 === 0 ? { disclosures: [{ field: "address", value: `203.0.113.${String(index % 250)}` }] } : {}),
      }),
    );
    await Promise.all(drafts.map((draft) => vault.log.record(draft)));
    const { rows } = await withClient(vault.database.superuser, (client) =>
      client.query<{ leaf_hash: Buffer }>("SELECT leaf_hash FROM audit.entry ORDER BY seq"),
    );
    signed = rows.map(({ leaf_hash }) => leaf_hash);
  });
  after(async () => {
    await vault.drop();
    await rm(directory, { recursive: true, force: true });
  });

  const attack = (statement: string): Promise<unknown> =>
    withClient(vault.database.superuser, (client) => client.query(`ALTER TABLE audit.entry DISABLE TRIGGER ALL; ${statement}`));
  /** Leaf hashes as they were signed before anybody touched the table. */
  let signed: Buffer[] = [];

  /** Writes what the service hands out now, and verifies it. */
  async function exported(name: string, hasDisclosures: boolean, trust?: Trust): Promise<Report> {
    const { origin, size, head } = await vault.reader.head();
    const { rows } = await withClient(vault.database.superuser, (client) =>
      client.query<{ entry: Buffer }>("SELECT entry FROM audit.entry ORDER BY seq"),
    );
    const entries = rows.map(({ entry }) => entry);
    const openings = await vault.reader.disclosures(0, size);
    const path = join(directory, name);
    await writeExport(
      path,
      sampleManifest(head, size, { origin, disclosures: hasDisclosures }),
      entries,
      hasDisclosures ? openings : [],
      signed,
    );
    return await verifyExport(new ExportDirectory(path), trust === undefined ? {} : { trust });
  }

  it("verifies offline, with the openings of personal data and without", async () => {
    for (const hasDisclosures of [true, false]) {
      const report = await exported(`whole-${String(hasDisclosures)}`, hasDisclosures);
      assert.deepEqual([report.exitCode, report.entries, report.firstBadSeq, report.warnings], [0, SIZE, null, []]);
    }
  });

  it("is the log that its reader saw before: genesis, an old head", async () => {
    const { origin } = await vault.reader.head();
    const [genesis] = await vault.reader.entries(0, 1);
    const [seen] = await vault.reader.entries(299, 1);
    const trust = { origin, genesis: genesis!.leaf, head: [{ size: 300, leaf: seen!.leaf }] };
    assert.equal((await exported("trusted", true, trust)).exitCode, 0);
    const forked = { ...trust, head: [{ size: 300, leaf: leafHash(Buffer.from("another")).toString("hex") }] };
    const report = await exported("forked", true, forked);
    assert.deepEqual([report.exitCode, report.firstBadSeq], [1, 299]);
  });

  it("tells what was logged, whatever somebody wrote into the columns that only serve searching", async () => {
    await attack("UPDATE audit.entry SET action = 'account.read', outcome = 'allowed', actor_id = 'nobody' WHERE seq = 300");
    assert.equal((await exported("searched", false)).exitCode, 0);
    const [read] = await vault.reader.entries(300, 1);
    assert.deepEqual([read?.entry.action, read?.entry.outcome], ["secret.reveal", "denied"]);
  });
});
