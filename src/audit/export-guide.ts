/**
 * The text of VERIFY.md, which stands in every export: how to check it with our program, and by hand with tools that every system has.
 * The shell recipe is executed by a test as it stands here.
 */
export const VERIFY_GUIDE = `# How to check this export

You need to trust nobody who gave you these files. The format is docs/spec/audit-export.md of Rootkeep; what follows is enough to
check it without any program of ours.

## 1. With Rootkeep

    npx rootkeep audit verify . --trust trust.json

Exit status: 0 intact, 1 tampered (the first bad entry is named), 2 incomplete, 3 wrong usage. Without \`--trust\` the answer is only that
the export is consistent in itself: whoever rewrites all of it can make that true. A trust file holds what you know from elsewhere:

    {"origin":"...","genesis":"<leaf hash of entry 0>","head":[{"size":1234,"leaf":"<leaf hash of entry 1233>"}]}

## 2. By hand: one entry

A bundle under \`tile/entries\` holds up to 256 entries, each preceded by its length (two bytes, most significant first). The hash of an
entry is SHA-256 over one zero byte and its bytes; the next entry carries it as \`prev\`. Here for the first bundle's first entry:

    f=$(find tile/entries -type f | sort | head -n 1)
    n=$(head -c 2 "$f" | od -An -tu1 | awk '{ print $1 * 256 + $2 }')
    tail -c +3 "$f" | head -c "$n" > first.json
    (printf '\\0'; cat first.json) | openssl dgst -sha256

## 3. By hand: the whole chain

Slow (some commands for each entry), but nothing of it is ours. Save it as \`chain.sh\`, run \`sh chain.sh\` in this directory:

\`\`\`sh
set -eu
export LC_ALL=C; prev=""; count=0
for f in $(find tile/entries -type f | sed 's/\\.p\\// /' | sort | sed 's/ /.p\\//'); do
  size=$(wc -c < "$f"); at=0
  while [ "$at" -lt "$size" ]; do
    n=$(tail -c "+$((at + 1))" "$f" | head -c 2 | od -An -tu1 | awk '{ print $1 * 256 + $2 }')
    tail -c "+$((at + 3))" "$f" | head -c "$n" > entry.json
    said=$(sed 's/.*"prev":"\\([0-9a-f]*\\)".*/\\1/' entry.json)
    if [ -n "$prev" ] && [ "$said" != "$prev" ]; then echo "chain breaks in $f at byte $at"; exit 1; fi
    prev=$( (printf '\\0'; cat entry.json) | sha256sum | cut -c 1-64)
    at=$((at + 2 + n)); count=$((count + 1))
  done
done
rm -f entry.json
if ! grep -q "\\"head\\":\\"$prev\\"" manifest.json; then echo "the last hash is not the head of manifest.json"; exit 1; fi
echo "chain of $count entries is whole; last hash $prev"
\`\`\`

Then compare the last hash with one that you were given earlier or by somebody else: a receipt, a ticket, another copy.
`;
