import type { DestructionCertificate } from "./destruction-certificate.js";
import { parseEntry } from "./entry.js";

/** The text of README.md beside a certificate of destruction. Its commands are executed by a test as they stand here. */
export function certificateGuide({ entries }: DestructionCertificate): string {
  const told = entries.find(({ bytes }) => parseEntry(bytes).action === "account.destroyed")?.seq ?? 0;
  const entry = `entries/${String(told)}`;
  return `# How to check this certificate

\`certificate.json\` says what was destroyed, and holds the proof; \`certificate.html\` shows it to people. The other files repeat parts of it, for tools
that are not ours. The format is docs/spec/destruction-certificate.md of Rootkeep.

You need one thing from elsewhere: the log's key, its line \`log.vkey\`, as it was told to you before. Whoever can write all of these files can
write that one, too.

1. What was certified is what the log has. Both print the same hash:

       openssl dgst -sha256 -r body.json | cut -d ' ' -f 1
       sed 's/.*"certificate":"\\([0-9a-f]*\\)".*/\\1/' ${entry}.json

2. The log's hash of that entry, which the proof in \`${entry}.tlog-proof\` leads from (C2SP tlog-proof; Go: golang.org/x/mod/sumdb/tlog, CheckRecord):

       (printf '\\0'; cat ${entry}.json) | openssl dgst -sha256 -r | cut -d ' ' -f 1

3. All of it, with signature and proofs. The trust file is \`{"origin": "...", "keys": ["<line of log.vkey>"]}\`:

       npx rootkeep audit verify-certificate . --trust ../trust.json

It proves that the log has it, by the log's own key, that two people decided it, and which keys and values it was about. It cannot prove that no copy was
made before: until when a backup may still be opened, the certificate says itself.
`;
}
