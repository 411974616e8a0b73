import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { DataSource } from "typeorm";
import { CreateSchemas1763800000000 } from "../../../migrations/1763800000000-create-schemas.js";
import { CreateDataKeys1763800200000 } from "../../../migrations/1763800200000-create-data-keys.js";
import { createDataSource } from "../../../src/database/data-source.service.js";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "../../../src/database/embedded-postgres.adapter.js";
import { runMigrations } from "../../../src/database/migrate.service.js";
import { isRootkeepError } from "../../../src/kernel/errors.js";
import { newId } from "../../../src/kernel/ids.js";
import { DataKeyEntity } from "../../../src/keys/data-key.entity.js";
import { DataKeys } from "../../../src/keys/data-keys.service.js";
import type { DataKeyRow } from "../../../src/keys/domain.js";
import { keyServiceOver, someAccount, temporaryRootKey } from "../../support/root-key.js";

// real: PostgreSQL, the migration, TypeORM, KeyService, a local root key.

describe("data keys in the table", () => {
  const repository = new DataKeys();
  let directory = "";
  let server: EmbeddedPostgres;
  let service: DataSource;
  let owner: DataSource;
  let home: Awaited<ReturnType<typeof temporaryRootKey>>;
  let row: DataKeyRow;

  before(async () => {
    home = await temporaryRootKey();
    directory = await mkdtemp(join(tmpdir(), "rootkeep-data-key-"));
    server = await startEmbeddedPostgres({ directory: join(directory, "postgres") });
    await runMigrations(server.connections.rootkeep_migrate, [CreateSchemas1763800000000, CreateDataKeys1763800200000]);
    service = await createDataSource(server.connections.rootkeep_service, { entities: [DataKeyEntity], poolSize: 2 }).initialize();
    owner = await createDataSource(server.connections.rootkeep_migrate, { entities: [DataKeyEntity], poolSize: 1 }).initialize();
    row = (await keyServiceOver(home.rootKey).newDataKey(someAccount(), "password")).row;
    await repository.insert(service.manager, row);
  });
  after(async () => {
    await service.destroy();
    await owner.destroy();
    await server.stop();
    await rm(directory, { recursive: true });
    await home.remove();
  });

  it("a key is read as it was written", async () => {
    assert.deepEqual(await repository.byId(service.manager, row.id), row);
    assert.deepEqual(await repository.activeOf(service.manager, row.accountId, "password"), row);
    assert.equal(await repository.activeOf(service.manager, row.accountId, "mfa"), null);
    assert.equal(await repository.activeOf(service.manager, null, "people"), null);
  });

  it("a key that is not there is a broken seal", async () => {
    await assert.rejects(repository.byId(service.manager, newId("dataKey")), (error) => isRootkeepError(error, "SEAL_BROKEN"));
  });

  it("the newest active version is taken", async () => {
    const account = { accountId: row.accountId ?? "", awsAccountId: row.awsAccountId ?? "" };
    const next = (await keyServiceOver(home.rootKey).newDataKey(account, "password", "seal", 2)).row;
    await repository.insert(service.manager, next);
    assert.equal((await repository.activeOf(service.manager, row.accountId, "password"))?.id, next.id);
  });

  it("the deployment has one key of a version and use, though its account is null", async () => {
    const keys = keyServiceOver(home.rootKey);
    for (const use of ["seal", "records"] as const)
      await repository.insert(service.manager, (await keys.newDataKey(null, "people", use)).row);
    const again = (await keys.newDataKey(null, "people")).row;
    await assert.rejects(repository.insert(service.manager, again), /data_key_version_uq/);
    assert.deepEqual(
      (await repository.ofPeople(service.manager)).map(({ use }) => use),
      ["records", "seal"],
    );
  });

  it("a rolled back transaction leaves no key", async () => {
    const lost = (await keyServiceOver(home.rootKey).newDataKey(someAccount(), "mfa")).row;
    const failing = service.transaction(async (entities) => {
      await repository.insert(entities, lost);
      throw new Error("changed my mind");
    });
    await assert.rejects(failing, /changed my mind/);
    await assert.rejects(repository.byId(service.manager, lost.id), (error) => isRootkeepError(error, "SEAL_BROKEN"));
  });

  for (const statement of ["UPDATE keys.data_key SET state = 'DESTROYED'", "DELETE FROM keys.data_key", "TRUNCATE keys.data_key"]) {
    it(`${statement.split(" ")[0] ?? ""} is refused to the service and, by trigger, to the owner`, async () => {
      await assert.rejects(service.query(statement), /permission denied/);
      await assert.rejects(owner.query(statement), /append-only/);
    });
  }

  const broken: [string, Partial<DataKeyRow>][] = [
    ["another form of id", { id: "dk_1" }],
    ["an account without AWS's id", { awsAccountId: null }],
    ["a people key of an account", { domain: "people" }],
    ["a records key of an account", { use: "records" }],
    ["version 0", { version: 0 }],
    ["no wrapped bytes", { wrapped: Buffer.alloc(0) }],
  ];
  for (const [what, change] of broken) {
    it(`a row with ${what} is refused`, async () => {
      await assert.rejects(
        repository.insert(service.manager, { ...row, id: newId("dataKey"), version: 9, ...change }),
        /data_key_[a-z_]+_ok/,
      );
    });
  }
});
