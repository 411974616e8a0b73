import { GO_RECIPE, SHELL_RECIPE } from "./export-recipes.js";

/** The text of VERIFY.md, which stands in every export: how to check it with our program, with Go's packages, and with a shell alone. */
export const VERIFY_GUIDE = `# How to check this export

You need to trust nobody who gave you these files, but you need one thing from elsewhere: the log's key, its line \`log.vkey\`, as it was told
to you before. Whoever can write all of these files can write that one, too. The format is docs/spec/audit-export.md of Rootkeep; what
follows is enough to check it without any program of ours.

Entries that were logged after the newest checkpoint are not here.

## 1. With Rootkeep

    npx rootkeep audit verify . --trust ../trust.json

Exit status: 0 intact, 1 tampered (the first bad entry is named), 2 incomplete, 3 wrong usage. The trust file holds what you know from
elsewhere, and names files beside it; all but the origin may be left out:

    {"origin": "...", "keys": ["<line of log.vkey>"], "policy": "witnesses.txt", "receipts": ["receipt.tlog-proof", "seen.note"],
     "genesis": "<hash of entry 0>", "head": [{"size": 1234, "leaf": "<hash of entry 1233>"}]}

A receipt, a note out of a bucket or of a witness, an older export's \`checkpoint\`: each is a tree that this one must begin with. They are
what catches somebody who has the database and the log's key.

## 2. With Go's packages

Save it as \`verify.go\` in a directory of its own, and there: \`go mod init verify && go get golang.org/x/mod && go build\`. Then run
\`verify\` in this directory.

\`\`\`go
${GO_RECIPE}\`\`\`

## 3. With a shell and openssl

Save it as \`verify.sh\` elsewhere, and run \`sh verify.sh\` in this directory. It takes some commands for each entry.

\`\`\`sh
${SHELL_RECIPE}\`\`\`

## 4. One entry by hand

A bundle under \`tile/entries\` holds up to 256 entries, each preceded by its length (two bytes, most significant first). The hash of an
entry is SHA-256 over one zero byte and its bytes. Here for the first bundle's first entry:

    f=$(find tile/entries -type f | sort | head -n 1)
    n=$(head -c 2 "$f" | od -An -tu1 | awk '{ print $1 * 256 + $2 }')
    (printf '\\0'; tail -c +3 "$f" | head -c "$n") | openssl dgst -sha256

Its 32 bytes stand first in the hash tile under \`tile/0\` with the same number.
`;
