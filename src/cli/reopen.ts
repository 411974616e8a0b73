import { readFile } from "node:fs/promises";
import type { Command } from "./command.js";
import { LocalError } from "./failure.js";

const REASON_CHARACTERS_MAX = 500;
/** Bytes of the largest file with a note that is read. */
const SEEN_BYTES_MAX = 1_000_000;
const PROGRESS_ENTRIES = 10_000;

/** The operator's way out of a rollback. */
export const REOPEN_COMMAND: Command = {
  words: ["audit", "reopen"],
  summary: "Begins the next epoch of a log that was put back and cannot be completed; for the operator, with the service stopped.",
  options: {
    reason: { kind: "text", value: "TEXT", meaning: "why, for the log; it only commits to it", isRequired: true },
    seen: { kind: "list", value: "FILE", meaning: "a checkpoint or receipt that an anchor, a witness or a person has kept" },
  },
  notes:
    "Configured like the service, with ROOTKEEP_LOG_ORIGIN set to the next epoch (…/prod/1 becomes …/prod/2). Needs the owner's and the\n" +
    "signer's database URL, the log's key and the guard. Nothing opens before two custodians have looked: docs/operations.md, \"The log was put back\".",
  async run(call) {
    const reason = assertReason(call.given.required("reason"));
    const seen: string[] = [];
    for (const file of call.given.list("seen")) seen.push(await noteIn(file));
    const { stderr } = call.shell;
    const { reopenLog } = await import("../reopening.js");
    let shown = 0;
    const report = await reopenLog({
      reason,
      seen,
      onProgress: (done, total) => {
        if (done < total && done - shown < PROGRESS_ENTRIES) return;
        shown = done;
        stderr.write(`${String(done)} of ${String(total)} entries read\n`);
      },
    });
    const { origin, previous, seq, lost, verifierKey } = report;
    const gone =
      lost.to === null
        ? `what followed entry ${String(lost.from - 1)} is lost, nobody knows how much`
        : `entries ${String(lost.from)} to ${String(lost.to - 1)} are lost`;
    call.say(
      [
        `Reopened: entry ${String(seq)} begins ${origin}. Of ${previous} ${gone}.`,
        `Verifier key of the new epoch: ${verifierKey}`,
        "Start the service with this origin (and ROOTKEEP_LOG_VERIFIER_KEY, where it is set). Every session, invitation, request and grant is void.",
        "Nothing is opened until two custodians have approved the configuration and certified the allowlist.",
      ].join("\n"),
      { ...report },
    );
    return undefined;
  },
};

/** The operator's words for the log. @throws LocalError */
export function assertReason(reason: string): string {
  if (reason.trim() === "" || reason.length > REASON_CHARACTERS_MAX || /\p{C}/u.test(reason))
    throw new LocalError(`a reason has 1 to ${String(REASON_CHARACTERS_MAX)} printable characters`);
  return reason;
}

/** The note in a file, or in the receipt (`.tlog-proof`) that it is. */
async function noteIn(file: string): Promise<string> {
  const bytes = await readFile(file);
  if (bytes.length > SEEN_BYTES_MAX) throw new LocalError("a file with a note is too large");
  const text = bytes.toString("utf8");
  if (!text.startsWith("c2sp.org/tlog-proof@")) return text;
  const end = text.indexOf("\n\n");
  return end === -1 ? text : text.slice(end + 2);
}
