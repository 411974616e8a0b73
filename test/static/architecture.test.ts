import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, describe, it } from "node:test";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..");

/** A file that breaks exactly one rule, and the rule. */
const BREACHES: Readonly<Record<string, readonly [rule: string, text: string]>> = {
  "src/kernel/upward.ts": ["kernel-looks-down-only", 'export * from "../edge/target.js";'],
  "src/audit/upward.ts": ["audit-looks-down-only", 'import type { T } from "../secrets/target.js"; export type U = T;'],
  "src/edge/top.ts": ["edge-looks-down-only", 'export * from "../main.js";'],
  "src/helpers/drawer.ts": ["folder-stands-in-the-order", 'export * from "../kernel/target.js";'],
  "src/kernel/world.ts": ["kernel-stands-on-node-only", 'import { readFileSync } from "node:fs"; export const read = readFileSync;'],
  "src/audit/tlog/outside.ts": ["tlog-stands-on-kernel-only", 'export * from "../target.js";'],
  "src/secrets/impure.ts": ["plain-file-is-pure", 'import { readFileSync } from "node:fs"; export const read = readFileSync;'],
  "src/audit/stream/impure.ts": ["plain-file-is-pure", 'import { connect } from "node:net"; export const socket = connect;'],
  "src/secrets/impure-orm.ts": ["plain-file-is-pure", 'import { Column } from "typeorm"; export const column = Column;'],
  "src/secrets/impure-service.ts": ["plain-file-imports-no-world-file", 'export * from "./own.service.js";'],
  "src/secrets/thief.service.ts": ["persistence-is-private", 'export * from "../people/own.repository.js";'],
  "src/secrets/caller.service.ts": ["service-does-not-know-the-wire", 'export * from "../wire/target.js";'],
  "src/secrets/second.service.ts": ["edge-files-are-leaves", 'export * from "./own.rest.js";'],
  "src/cli/inside.ts": ["cli-is-a-client", 'export * from "../secrets/target.js";'],
  "src/cli/serve.ts": ["serve-starts-the-server", 'export * from "../secrets/target.js";'],
  "src/verify/inside.ts": ["verifier-stands-alone", 'export * from "../audit/own.service.js";'],
  "src/verify/library.ts": ["verifier-stands-alone", 'import { Column } from "typeorm"; export const column = Column;'],
  "src/contract/inside.ts": ["contract-imports-nothing-of-ours", 'export * from "../kernel/target.js";'],
  "migrations/1-thawed.ts": ["migration-is-frozen-sql", 'export * from "../src/kernel/target.js";'],
  "src/database/landed.ts": ["migrations-start-from-the-top", 'export * from "../../migrations/target.js";'],
  "src/people/tested.ts": ["shipped-code-knows-no-test", 'export * from "../../test/target.js";'],
  "src/people/lost.ts": ["everything-resolves", 'export * from "./absent.js";'],
  // A circle is reported once, at its first file by name.
  "src/people/circle-a.ts": ["no-circular", 'export * from "./circle-b.js";'],
};

const GOOD: Readonly<Record<string, string>> = {
  "src/kernel/target.ts": 'import { createHash } from "node:crypto"; export const hash = createHash; export type T = string;',
  "src/wire/target.ts": "export type T = string;",
  "src/secrets/target.ts": 'import type { T } from "../kernel/target.js"; export type { T };',
  "src/secrets/own.service.ts":
    'export * from "../people/own.service.js"; import { readFileSync } from "node:fs"; export const a = readFileSync;',
  "src/secrets/own.rest.ts": 'export * from "../wire/target.js"; export * from "./own.service.js";',
  "src/people/own.repository.ts": 'import { Column } from "typeorm"; export const column = Column;',
  "src/people/own.service.ts": 'export * from "./own.repository.js";',
  "src/people/circle-b.ts": 'export * from "./circle-a.js";',
  "src/audit/target.ts": 'export * from "../kernel/target.js";',
  "src/audit/own.service.ts": 'export * from "./target.js";',
  "src/audit/tlog/target.ts": 'export * from "../../kernel/target.js"; import { hash } from "node:crypto"; export const sha = hash;',
  "src/verify/good.ts": 'export * from "../audit/target.js"; export * from "../audit/tlog/target.js"; export * from "../kernel/target.js";',
  "src/cli/good.ts": 'export * from "../verify/good.js"; export * from "./serve.js";',
  "src/edge/target.ts": 'export * from "../secrets/target.js"; export type T = string;',
  "src/main.ts": 'export * from "./edge/target.js"; export * from "../migrations/target.js";',
  "migrations/target.ts": 'import type { QueryRunner } from "typeorm"; export type Runner = QueryRunner;',
  "test/target.ts": "export type T = string;",
};

describe("the architecture's rules", () => {
  const folder = mkdtempSync(join(tmpdir(), "rootkeep-architecture-"));
  after(() => rmSync(folder, { recursive: true, force: true }));
  const files = { ...GOOD, ...Object.fromEntries(Object.entries(BREACHES).map(([path, [, text]]) => [path, text])) };
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), `${text}\n`);
  }
  writeFileSync(join(folder, "tsconfig.json"), '{"compilerOptions":{"module":"nodenext","target":"ES2023"}}');
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  const command = join(root, "node_modules", "dependency-cruiser", "bin", "dependency-cruise.mjs");
  const config = join(root, "test", "static", "architecture.cjs");
  const { stdout, stderr } = spawnSync(process.execPath, [command, "--config", config, "--output-type", "json", "src", "migrations"], {
    cwd: folder,
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
  assert.ok(stdout.startsWith("{"), stderr);
  const { violations } = (JSON.parse(stdout) as { summary: { violations: { from: string; rule: { name: string } }[] } }).summary;

  for (const [path, [rule]] of Object.entries(BREACHES))
    it(`notice ${path}: ${rule}`, () => {
      const found = violations.filter(({ from }) => from === path).map((violation) => violation.rule.name);
      assert.ok(found.includes(rule), found.join(", "));
    });

  it("leave alone what keeps them", () => {
    const found = violations.filter(({ from }) => from in GOOD).map(({ from, rule }) => `${from}: ${rule.name}`);
    assert.deepEqual(found, []);
  });
});
