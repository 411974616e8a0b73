import { readFile } from "node:fs/promises";
import type { Command } from "./command.js";
import { SHARE_OPTIONS, sharesOf, wipeShares } from "./escrow-shares.js";
import { LocalError } from "./failure.js";
import { withInvitations } from "./invitation-files.js";
import { assertReason } from "./reopen.js";

/** Bytes of the largest file that names custodians. */
const FILE_BYTES_MAX = 10_000;

/** Identities at the provider have ended with those who had them, and linking new ones takes two custodians who have signed in. */
const PASSWORD_NEEDED = [
  "They cannot sign in under ROOTKEEP_PASSWORD_SIGN_IN=no: start the service with =yes until two of them have linked identities",
  "(rootkeep people link), then set it back. Nothing opens meanwhile: custodians have approved =no.",
];

interface Named {
  readonly name: string;
  readonly email: string;
}

/** The way back to custodians where fewer than two can act. */
export const RECOVER_COMMAND: Command = {
  words: ["recover", "custodians"],
  summary: "Names new custodians by the escrow quorum; for the operator, with the service stopped.",
  options: {
    ...SHARE_OPTIONS,
    custodians: {
      kind: "text",
      value: "FILE",
      meaning: 'who they are, as JSON: [{"name":"…","email":"…"},…], two at least',
      isRequired: true,
    },
    reason: { kind: "text", value: "TEXT", meaning: "why, for the log; it only commits to it", isRequired: true },
    out: { kind: "text", value: "DIR", meaning: "a new directory for the invitations (mode 0600 each)", isRequired: true },
    "replace-active": { kind: "flag", meaning: "also while two custodians stand by the allowlist: they have left, or cannot act" },
  },
  notes:
    "Configured like the service. Every custodian of before is suspended; every session, invitation, request and grant ends; everybody is\n" +
    'paged. Nothing opens until the new custodians have certified the allowlist: docs/operations.md, "Recover the custodians".',
  async run(call) {
    const reason = assertReason(call.given.required("reason"));
    const custodians = await custodiansIn(call.given.required("custodians"));
    const directory = call.given.required("out");
    const shares = await sharesOf(call);
    const { recoverCustodians } = await import("../recovery.js");
    try {
      const { result: report, files } = await withInvitations(directory, call.shell.stderr, (keep) =>
        recoverCustodians({ custodians, reason, shares, replacesActive: call.given.flag("replace-active"), keep }),
      );
      const { seq, recipient, suspended, isOtherConfigured, paged, isPasswordOffered } = report;
      call.say(
        [
          `Recovered: entry ${String(seq)} names ${String(custodians.length)} custodians, by ${String(shares.length)} shares of ${recipient}.`,
          ...(isOtherConfigured ? ["The environment names another escrow recipient, which nobody has approved; it was not asked."] : []),
          paged === null
            ? "NOBODY HAS BEEN PAGED: custodians have approved no channel for notices. Tell everybody yourself; the entry says that none did."
            : `Paged before, and accepted, by: ${paged.join(", ")}.`,
          `Suspended: ${suspended.length === 0 ? "nobody" : suspended.join(", ")}.`,
          ...files.map((file) => `Invitation (24 hours, once): ${file}`),
          "Start the service; each custodian answers their invitation with rootkeep people accept and rootkeep people confirm. Their",
          "authenticators count for acts after a day. Nothing opens until they have certified the allowlist.",
          ...(isPasswordOffered ? [] : PASSWORD_NEEDED),
        ].join("\n"),
        { ...report, files },
      );
    } finally {
      wipeShares(shares);
    }
    return undefined;
  },
};

/** @throws LocalError without a word of the file: it is other people's text. */
async function custodiansIn(path: string): Promise<Named[]> {
  const bytes = await readFile(path).catch((error: unknown) => {
    throw new LocalError(`${path} cannot be read (${(error as NodeJS.ErrnoException).code ?? "unknown fault"})`);
  });
  const list = bytes.length > FILE_BYTES_MAX ? null : parsed(bytes);
  if (list?.every(isNamed) !== true) throw new LocalError('the file names no custodians: [{"name":"…","email":"…"},…]');
  return list.map(({ name, email }) => ({ name, email }));
}

function parsed(bytes: Buffer): unknown[] | null {
  try {
    const value: unknown = JSON.parse(bytes.toString("utf8"));
    return Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}

function isNamed(value: unknown): value is Named {
  if (typeof value !== "object" || value === null || Object.keys(value).sort().join() !== "email,name") return false;
  return Object.values(value).every((member) => typeof member === "string");
}
