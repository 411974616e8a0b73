import { mkdir, open, rm } from "node:fs/promises";
import { join } from "node:path";
import type { NewEscrow } from "../keys/escrow-quorum.js";
import { type EscrowShare, formatShare } from "../keys/escrow-share.js";
import type { Command } from "./command.js";
import { SHARE_OPTIONS, shareIn, sharesOf, wipeShares } from "./escrow-shares.js";
import { LocalError, UsageError } from "./failure.js";

/** The escrow identity, made and proven offline: no service, no database, no network. */
export const ESCROW_COMMANDS: readonly Command[] = [
  {
    words: ["key", "escrow", "create"],
    summary: "Makes the escrow identity and splits it at once into share files; offline, best on a machine that is wiped afterwards.",
    options: {
      shares: { kind: "count", value: "N", meaning: "how many holders", isRequired: true },
      threshold: { kind: "count", value: "M", meaning: "how many of them together open everything; fewer know nothing", isRequired: true },
      out: { kind: "text", value: "DIR", meaning: "a new directory for the share files (mode 0600 each)", isRequired: true },
    },
    notes:
      "The identity itself is kept nowhere. Give each holder one file, by hand; then set ROOTKEEP_ESCROW_RECIPIENT to the recipient and\n" +
      'have two custodians approve it: docs/operations.md, "The escrow quorum".',
    async run(call) {
      const [shares, threshold] = [call.given.count("shares") ?? 0, call.given.count("threshold") ?? 0];
      if (shares < 2 || shares > 255) throw new UsageError("--shares is 2 to 255");
      if (threshold < 2 || threshold > shares) throw new UsageError("--threshold is at least 2 and at most --shares");
      const directory = call.given.required("out");
      await mkdir(directory, { mode: 0o700 }).catch((error: unknown) => {
        const { code } = error as NodeJS.ErrnoException;
        throw new LocalError(
          code === "EEXIST" ? `${directory} exists already` : `${directory} cannot be made (${code ?? "unknown fault"})`,
        );
      });
      const { combineShares, createEscrow } = await import("../keys/escrow-quorum.js");
      const escrow = await createEscrow(shares, threshold);
      try {
        const files = await writeShares(directory, escrow, combineShares).catch(async (error: unknown) => {
          // Half a set is none; what there is of it must not lie about.
          await rm(directory, { recursive: true, force: true });
          throw error;
        });
        const lines = [
          `Recipient: ${escrow.recipient}`,
          `${String(shares)} shares, ${String(threshold)} of which open: ${join(directory, "share-1.txt")} to share-${String(shares)}.txt`,
          "Whoever has that many shares and a copy of the database reads every secret. Hand them out, then remove this directory.",
        ];
        call.say(lines.join("\n"), { recipient: escrow.recipient, set: escrow.shares[0]?.set, shares, threshold, files });
      } finally {
        wipeShares(escrow.shares);
      }
      return undefined;
    },
  },
  {
    words: ["key", "escrow", "check"],
    summary: "Proves that share files combine to the identity of their recipient, and shows nothing of it; offline.",
    options: {
      ...SHARE_OPTIONS,
      recipient: { kind: "text", value: "AGE1", meaning: "the recipient that the service is configured with, to compare" },
    },
    async run(call) {
      const shares = await sharesOf(call);
      try {
        const { combineShares, provesQuorum } = await import("../keys/escrow-quorum.js");
        const identity = await combineShares(shares);
        const recipient = shares[0]?.recipient ?? "";
        if (!(await provesQuorum(identity, recipient)))
          throw new LocalError("the identity does not open what is encrypted to its recipient");
        const wanted = call.given.text("recipient");
        if (wanted !== undefined && wanted !== recipient) throw new LocalError(`the shares are of another recipient: ${recipient}`);
        call.say(`${String(shares.length)} shares open what is encrypted to ${recipient}`, {
          recipient,
          set: shares[0]?.set,
          shares: shares.length,
          threshold: shares[0]?.threshold,
        });
      } finally {
        wipeShares(shares);
      }
      return undefined;
    },
  },
];

/** Writes each share, reads all of them back, and has `combine` prove that they are what they should be. @returns the files. */
async function writeShares(
  directory: string,
  { shares }: NewEscrow,
  combine: (shares: readonly EscrowShare[]) => Promise<unknown>,
): Promise<string[]> {
  const files: string[] = [];
  for (const share of shares) {
    const path = join(directory, `share-${String(share.index)}.txt`);
    const file = await open(path, "wx", 0o600);
    try {
      await file.writeFile(formatShare(share), "ascii");
      await file.sync();
    } finally {
      await file.close();
    }
    files.push(path);
  }
  const back: EscrowShare[] = [];
  for (const [at, path] of files.entries()) back.push(await shareIn(path, `share file ${String(at + 1)}`));
  try {
    await combine(back);
  } finally {
    wipeShares(back);
  }
  return files;
}
