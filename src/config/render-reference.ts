import type { Variable } from "./reference.js";
import { SECRET_NAMES, TRIAL_NAMES, VARIABLE_NAMES, variable } from "./reference.js";

/** `.env.example`: every variable, commented out, with its default. */
export function renderEnvExample(): string {
  const blocks = VARIABLE_NAMES.map((name) => {
    const row = variable(name);
    const lines = [`# ${row.meaning}`, `# Default: ${row.fallback}.${row.isTrusted ? " Trusted configuration." : ""}`];
    lines.push(row.isFallbackComputed === true ? `# ${name}=` : `# ${name}=${row.fallback}`);
    if (SECRET_NAMES.includes(name)) lines.push(`# ${name}_FILE=`);
    return lines.join("\n");
  });
  return `${["# Written from src/config/reference.ts by `npm run golden`; do not edit.", ...blocks].join("\n\n")}\n`;
}

/** `docs/configuration.md`: the reference for operators. */
export function renderConfigurationPage(): string {
  const everyday = VARIABLE_NAMES.filter((name) => !TRIAL_NAMES.includes(name));
  return `# Configuration

Written from \`src/config/reference.ts\` by \`npm run golden\`; do not edit.

Everything is set by environment variables. A variable that begins with \`ROOTKEEP_\` and does not stand here refuses the start, so a
misspelt one is noticed. An empty one counts as not set. All problems are reported at once, by name and rule, never with the value.

*Trusted* settings work only as two custodians last approved them in the audit log: after a change nothing is opened and no credential
is sealed until the new digest is approved. A trial approves its own at founding.

*Production* means: listening beyond loopback, or an external database, or a root key that is not \`file:\`. It refuses every trial
setting and every \`file:\` root key.

## Settings

${table(everyday)}

## Secrets in files

${SECRET_NAMES.map((name) => `\`${name}\``).join(" and ")} hold a password. Instead of the variable itself, \`<NAME>_FILE\` may name
a file with the value (one line); setting both is refused.

## Trial settings

${table(TRIAL_NAMES)}

## The command line

\`rootkeep\` as a client reads \`ROOTKEEP_ADDRESS\` (the service; \`--address\` wins) and \`ROOTKEEP_SESSION_FILE\` (where the session's
token is kept, mode 0600). The service ignores both.
`;
}

function table(names: readonly (typeof VARIABLE_NAMES)[number][]): string {
  const rows = names.map((name) => {
    const row = variable(name);
    const fallback = row.isFallbackComputed === true ? row.fallback : `\`${row.fallback}\``;
    return `| \`${name}\` | ${cell(formOf(row))} | ${cell(fallback)} | ${row.isTrusted ? "yes" : ""} | ${cell(row.meaning)} |`;
  });
  return ["| variable | value | default | trusted | meaning |", "|---|---|---|---|---|", ...rows].join("\n");
}

function formOf({ form }: Variable): string {
  if (form.type === "number") return `whole number, ${String(form.min)} to ${String(form.max)}`;
  if (form.type === "yes-no") return "yes or no";
  return form.rule.replace(/^must be /, "");
}

/** Text safe inside a table's cell. */
function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("<", "&lt;");
}
