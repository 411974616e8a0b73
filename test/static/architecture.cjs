// Which module may import which (docs/architecture.md). The order is the design: a folder sees only the ones named before it.
const ORDER = [
  "kernel",
  "config",
  "telemetry",
  "wire",
  "database",
  "audit",
  "keys",
  "accounts",
  "notices",
  "people",
  "tickets",
  "approvals",
  "secrets",
  "aws",
  "lifecycle",
  "mailroom",
  "edge",
];
const BESIDE = ["cli", "verify", "contract", "console"];
const DOMAIN = ORDER.slice(ORDER.indexOf("audit"), ORDER.indexOf("edge")).join("|");

// `contract` is vocabulary and imports nothing, so every folder may see it; whether a file does is another rule's business.
const layers = ORDER.map((folder, index) => ({
  name: `${folder}-looks-down-only`,
  severity: "error",
  from: { path: `^src/${folder}/` },
  to: { path: `^src/(${[...ORDER.slice(index + 1), "cli", "verify", "console"].join("|")})/|^src/[^/]+\\.ts$|^(migrations|test)/` },
}));

module.exports = {
  forbidden: [
    { name: "no-circular", severity: "error", from: {}, to: { circular: true } },
    ...layers,
    {
      name: "folder-stands-in-the-order",
      comment: "A new folder under src takes its place in ORDER, or no rule holds for it.",
      severity: "error",
      from: {
        path: "^src/",
        pathNot: `^src/(${[...ORDER, ...BESIDE].join("|")})/|^src/(main|app\\.module|entities|operator|recovery|reopening|signer|version)\\.ts$`,
      },
      to: {},
    },
    {
      name: "kernel-stands-on-node-only",
      severity: "error",
      from: { path: "^src/kernel/" },
      to: { pathNot: "^src/kernel/|^(node:)?(crypto|util|buffer)$" },
    },
    {
      name: "plain-file-is-pure",
      severity: "error",
      from: { path: `^src/(kernel|config|${DOMAIN})/(stream/)?[a-z0-9-]+\\.ts$` },
      to: {
        path: "node_modules/(@nestjs|typeorm|pg|@grpc|rxjs|fastify|@aws-sdk)|^(node:)?(fs|fs/promises|net|tls|http|https|http2|child_process|dns)$",
      },
    },
    {
      name: "tlog-stands-on-kernel-only",
      comment: "The transparency log's mathematics and formats serve the service, the verifier and the command line alike.",
      severity: "error",
      from: { path: "^src/audit/tlog/" },
      to: { pathNot: "^src/(audit/tlog|kernel)/|^(node:)?(crypto|buffer)$" },
    },
    {
      name: "plain-file-imports-no-world-file",
      comment: "A pure file that imports a service at run time is no longer pure; its types it may name.",
      severity: "error",
      from: { path: `^src/(kernel|config|${DOMAIN})/(stream/)?[a-z0-9-]+\\.ts$` },
      to: {
        path: "\\.(entity|repository|service|rest|grpc|dto|guard|filter|pipe|adapter|module)\\.ts$",
        dependencyTypesNot: ["type-only"],
      },
    },
    {
      name: "persistence-is-private",
      severity: "error",
      from: { path: "^src/([^/]+)/" },
      to: { path: "^src/[^/]+/.+\\.(entity|repository)\\.ts$", pathNot: ["^src/$1/", "^src/database/"] },
    },
    {
      name: "edge-files-are-leaves",
      severity: "error",
      from: { path: "^src/", pathNot: "\\.module\\.ts$" },
      to: { path: "\\.(rest|grpc)\\.ts$" },
    },
    {
      name: "service-does-not-know-the-wire",
      severity: "error",
      from: { path: `^src/(?!edge/|wire/).*\\.(service|repository|entity)\\.ts$` },
      to: { path: "\\.dto\\.ts$|^src/(contract|wire|edge)/|node_modules/(@nestjs/(swagger|platform)|@grpc|fastify)" },
    },
    {
      name: "cli-is-a-client",
      comment:
        "Besides the vocabulary it knows its own environment, the pure forms of the log, as the offline verifier does, and the escrow's.",
      severity: "error",
      from: { path: "^src/cli/", pathNot: "^src/cli/(serve|reopen|recover|second-store)\\.ts$" },
      to: {
        path: "^src/(?!cli/|kernel/|contract/|verify/|version\\.ts$|config/(client-environment|config)\\.ts$|audit/(tlog/)?[a-z0-9-]+\\.ts$|keys/escrow-(share|quorum)\\.ts$)|^(migrations|test)/",
      },
    },
    {
      name: "serve-starts-the-server",
      comment:
        "The files of the command line that see the server: `serve` and `migrate`, `audit reopen`, `recover custodians` and `second-store check`.",
      severity: "error",
      from: { path: "^src/cli/(serve|reopen|recover|second-store)\\.ts$" },
      to: {
        path: "^src/(?!cli/|kernel/|contract/|verify/|config/|database/|telemetry/|main\\.ts$|operator\\.ts$|reopening\\.ts$|recovery\\.ts$)|^test/",
      },
    },
    {
      name: "verifier-stands-alone",
      severity: "error",
      from: { path: "^src/verify/" },
      to: { path: "^src/(?!verify/|kernel/|audit/(tlog/)?[a-z0-9-]+\\.ts$)|^(migrations|test)/|node_modules/" },
    },
    {
      name: "contract-imports-nothing-of-ours",
      severity: "error",
      from: { path: "^src/contract/" },
      to: { path: "^(src/(?!contract/)|migrations/|test/)" },
    },
    {
      name: "migration-is-frozen-sql",
      comment: "A landed migration may not change its meaning because some file of ours did.",
      severity: "error",
      from: { path: "^migrations/" },
      to: { pathNot: "^migrations/|node_modules/typeorm/" },
    },
    {
      name: "migrations-start-from-the-top",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/(main|operator|recovery|reopening|signer)\\.ts$" },
      to: { path: "^migrations/" },
    },
    { name: "shipped-code-knows-no-test", severity: "error", from: { path: "^(src|migrations)/" }, to: { path: "^test/" } },
    { name: "everything-resolves", severity: "error", from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "node", "default", "types"],
      extensions: [".ts", ".js"],
    },
  },
};
