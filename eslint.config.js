import tseslint from "typescript-eslint";

/** A disabled rule without a reason is a rule that nobody will ever turn on again. */
const reasons = {
  rules: {
    "give-a-reason": {
      meta: { type: "problem", schema: [], messages: { missing: "Say why after `--`: // eslint-disable-next-line rule -- reason." } },
      create: (context) => ({
        Program() {
          for (const comment of context.sourceCode.getAllComments()) {
            const isDisable = /^\s*eslint-disable/.test(comment.value);
            if (isDisable && !/\s--\s+\S.{7,}/s.test(comment.value)) context.report({ loc: comment.loc, messageId: "missing" });
          }
        },
      }),
    },
  },
};

const ban = (selector, message) => ({ selector, message });
const memberCall = (object, property) =>
  `MemberExpression[object.name='${object}']:matches([property.name='${property}'], [property.value='${property}'])`;

// Each ban has a home where it does not hold; `restricted` leaves exactly that one out.
const BANS = {
  enum: ban("TSEnumDeclaration", "Use an `as const` object and a union type."),
  namespace: ban("TSModuleDeclaration[kind='namespace']", "Use a module."),
  defaultExport: ban("ExportDefaultDeclaration", "Named exports only."),
  processEnv: ban(
    `:matches(${memberCall("process", "env")}, ImportDeclaration[source.value=/^(node:)?process$/] ImportSpecifier[imported.name='env'])`,
    "The environment is read in src/config alone.",
  ),
  grantMint: ban(memberCall("Grant", "mint"), "Only people/ and approvals/ take decisions (docs/architecture.md)."),
  receiptMint: ban(memberCall("AuditReceipt", "mint"), "Only audit/ proves that an entry is durable."),
  cipher: ban(
    ":matches(ImportSpecifier[imported.name=/^(create(Cipher|Decipher)iv|webcrypto|subtle)$/], " +
      "MemberExpression[property.name=/^(create(Cipher|Decipher)iv|webcrypto|subtle)$/])",
    "src/keys/aead.ts alone calls the cipher.",
  ),
  dynamicCode: ban("NewExpression[callee.name='Function']", "No code from text."),
};
const restricted = (...homes) => [
  "error",
  ...Object.entries(BANS)
    .filter(([name]) => !homes.includes(name))
    .map(([, row]) => row),
];

const NEST_BANS = [
  { name: "@nestjs/common", importNames: ["forwardRef"], message: "Folder order makes it unnecessary; look for the cycle." },
];
const JWE_BAN = {
  name: "jose",
  importNames: ["CompactEncrypt", "FlattenedEncrypt", "GeneralEncrypt", "EncryptJWT"],
  message: "src/keys/enclose.ts alone makes a JWE, and wipes what it holds.",
};
const AGE_BAN = { name: "age-encryption", message: "src/keys/escrow-age.ts alone calls age, and for one recipient." };
const HTTP_BAN = {
  regex: "^@nestjs/common$",
  importNamePattern: "^(HttpException|(?!Rootkeep).*Exception)$",
  message: "Throw RootkeepError; the edge renders it.",
};

export default tseslint.config(
  { ignores: ["dist/**", "dist-*/**", "node_modules/**", "coverage/**", ".rootkeep/**"] },
  { linterOptions: { reportUnusedDisableDirectives: "error" }, plugins: { reasons }, rules: { "reasons/give-a-reason": "error" } },
  {
    files: ["**/*.ts"],
    extends: [...tseslint.configs.strictTypeChecked, ...tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      complexity: ["error", 12],
      "max-depth": ["error", 3],
      "no-console": "error",
      "no-empty": "error",
      "no-eval": "error",
      "no-restricted-syntax": restricted(),
      "no-restricted-imports": ["error", { paths: [...NEST_BANS, JWE_BAN, AGE_BAN], patterns: [HTTP_BAN] }],
      "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
      // A library that is loaded lazily is named by `import("...")` in types.
      "@typescript-eslint/consistent-type-imports": ["error", { disallowTypeAnnotations: false }],
      "@typescript-eslint/no-extraneous-class": ["error", { allowWithDecorator: true }],
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", caughtErrors: "none", ignoreRestSiblings: true }],
      "@typescript-eslint/ban-ts-comment": ["error", { "ts-expect-error": "allow-with-description", minimumDescriptionLength: 10 }],
      // noPropertyAccessFromIndexSignature of the compiler asks for the brackets that dot-notation would take away.
      "@typescript-eslint/dot-notation": ["error", { allowIndexSignaturePropertyAccess: true }],
      // TypeScript knows bytes and numbers by type; a template that prints one is read more easily without String().
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true }],
      // A class of Nest may be a bag of injected parts; and a port's adapter may well be synchronous where the port is not.
      "@typescript-eslint/require-await": "off",
      // A port's silent adapter is all empty methods. The assertion style contradicts no-non-null-assertion, which is the one we want.
      "@typescript-eslint/no-empty-function": ["error", { allow: ["methods"] }],
      "@typescript-eslint/non-nullable-type-assertion-style": "off",
      "@typescript-eslint/consistent-type-definitions": "off",
      "@typescript-eslint/no-unsafe-class-instance-assignment": "off",
      "@typescript-eslint/no-unnecessary-condition": ["error", { allowConstantLoopConditions: "only-allowed-literals" }],
    },
  },
  { files: ["src/config/**/*.ts"], rules: { "no-restricted-syntax": restricted("processEnv") } },
  { files: ["src/people/**/*.ts", "src/approvals/**/*.ts"], rules: { "no-restricted-syntax": restricted("grantMint") } },
  { files: ["src/audit/**/*.ts"], rules: { "no-restricted-syntax": restricted("receiptMint") } },
  {
    files: ["src/keys/enclose.ts"],
    rules: { "no-restricted-imports": ["error", { paths: [...NEST_BANS, AGE_BAN], patterns: [HTTP_BAN] }] },
  },
  { files: ["src/keys/aead.ts"], rules: { "no-restricted-syntax": restricted("cipher") } },
  {
    files: ["src/keys/escrow-age.ts"],
    rules: {
      // Web Cryptography takes the identity as bytes that can be wiped; age's own form of it is a string.
      "no-restricted-syntax": restricted("cipher"),
      "no-restricted-imports": ["error", { paths: [...NEST_BANS, JWE_BAN], patterns: [HTTP_BAN] }],
    },
  },
  // The edge meets the framework's own exceptions and turns them into ours.
  { files: ["src/edge/**/*.ts"], rules: { "no-restricted-imports": ["error", { paths: [...NEST_BANS, JWE_BAN, AGE_BAN] }] } },
  {
    files: ["test/**/*.ts"],
    rules: {
      // Tests mint proofs, read their own environment and call the cipher to forge what the code must refuse.
      "no-restricted-syntax": restricted("processEnv", "grantMint", "receiptMint", "cipher"),
      complexity: "off",
      "max-depth": ["error", 4],
      // describe() and it() return promises that the test runner awaits itself.
      "@typescript-eslint/no-floating-promises": [
        "error",
        { allowForKnownSafeCalls: [{ from: "package", package: "node:test", name: ["describe", "it", "test", "suite"] }] },
      ],
      "@typescript-eslint/no-non-null-assertion": "off",
      "@typescript-eslint/no-unsafe-assignment": "off",
      "@typescript-eslint/no-unsafe-member-access": "off",
      "@typescript-eslint/no-unsafe-argument": "off",
      "@typescript-eslint/no-empty-function": "off",
      "@typescript-eslint/unbound-method": "off",
    },
  },
  // The programs of test/ are scripts with a terminal of their own.
  { files: ["test/run.ts", "test/demo/**/*.ts", "test/bench/**/*.ts"], rules: { "no-console": "off" } },
);
