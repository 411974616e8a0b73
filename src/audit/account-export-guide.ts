/** The text of VERIFY.md in an account export. */
export const ACCOUNT_GUIDE = `# How to check this export

It holds all entries that the audit log has of one account, among the first so many, and the acts that said who may act at all. You see
nothing of other accounts, and can still check that nothing of yours was left out. The format is docs/spec/account-export.md of Rootkeep.

You need one thing from elsewhere: the log's key, its line \`log.vkey\`, as it was told to you before. Whoever can write all of these files
can write that one, too.

    npx rootkeep audit verify . --account acc_… --trust ../trust.json

The account's id is the one that you were told, not one that you read here. Exit status: 0 intact, 1 tampered, 2 incomplete, 3 wrong usage.
The trust file:

    {"origin": "...", "keys": ["<line of log.vkey>"], "receipts": ["receipt.tlog-proof"], "foundingFingerprints": ["..."]}

What is checked: \`checkpoint\` is signed by that key. \`heartbeat.tlog-proof\` leads from \`heartbeat.json\`, an entry of the log, to the
checkpoint. The heartbeat names a root over the heads of all accounts; \`head-path.json\` leads from your account's head to that root. Your
entries under \`entries\` are numbered without a gap, each names the hash of the one before it, and the last one is that head. The acts under
\`global\` are, all together, the head of the global acts. And \`proofs.ndjson\` leads from each of them to the checkpoint.

What this cannot show: that the heartbeat counted rightly. Each auditor who has the whole log can compute its root again; ask for that. And
it says nothing of what is later than the first \`asOf\` entries of the log, which the heartbeat counted. There should be a heartbeat every ten minutes.

By hand, the hash of an entry is SHA-256 over one zero byte and its bytes; here of the heartbeat:

    (printf '\\0'; cat heartbeat.json) | openssl dgst -sha256
`;
