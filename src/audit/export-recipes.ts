/**
 * Checks a whole export with a shell, openssl and the usual small tools: signature, tree, chain. Slow (some commands for each entry), but
 * nothing of it is ours. A test executes it as it stands here.
 */
export const SHELL_RECIPE = `set -eu
export LC_ALL=C
fail() { echo "$1"; exit 1; }
d=$(mktemp -d); trap 'rm -rf "$d"' EXIT
leaf() { tail -c "+$(($1 * 32 + 1))" "$d/leaves" | head -c 32; }
sha() { openssl dgst -sha256 -binary; }

# 1. The signature: three lines of text, an empty one, and lines of signatures. Twelve bytes make an Ed25519 key of 32 a file of openssl.
origin=$(sed -n 1p checkpoint); size=$(sed -n 2p checkpoint); root=$(sed -n 3p checkpoint)
head -n 3 checkpoint > "$d/text"
vkey=$(tail -n 1 log.vkey | cut -d ' ' -f 1)
[ "\${vkey%%+*}" = "$origin" ] || fail "the key is of another log than the checkpoint"
(printf '\\060\\052\\060\\005\\006\\003\\053\\145\\160\\003\\041\\000'
  printf '%s' "$vkey" | cut -d + -f 3- | base64 -d | tail -c +2) > "$d/key"
signed=no
for line in $(sed -n "s|^\u2014 $origin ||p" checkpoint); do
  # Four bytes in front say which key it is.
  printf '%s' "$line" | base64 -d | tail -c +5 > "$d/sig"
  if openssl pkeyutl -verify -pubin -inkey "$d/key" -keyform DER -rawin -in "$d/text" -sigfile "$d/sig" > "$d/said" 2>&1; then signed=yes; fi
done
[ "$signed" = yes ] || fail "the key of log.vkey has not signed the checkpoint"
echo "the checkpoint of $size entries of $origin is signed by $vkey"

# 2. The tree: two neighbours of one height, behind a byte 1, are one node of the next.
for f in $(find tile/0 -type f | sed 's/\\.p\\// /' | sort | sed 's/ /.p\\//'); do cat "$f"; done > "$d/leaves"
[ "$(wc -c < "$d/leaves")" -eq $((size * 32)) ] || fail "the hash tiles do not hold $size hashes"
seq=0
while [ "$seq" -lt "$size" ]; do
  leaf "$seq" > "$d/n"; level=0
  while [ -f "$d/t$level" ]; do
    (printf '\\001'; cat "$d/t$level" "$d/n") | sha > "$d/m"
    mv "$d/m" "$d/n"; rm "$d/t$level"; level=$((level + 1))
  done
  mv "$d/n" "$d/t$level"; seq=$((seq + 1))
done
level=0
while [ "$level" -lt 40 ]; do
  if [ -f "$d/t$level" ] && [ -f "$d/r" ]; then (printf '\\001'; cat "$d/t$level" "$d/r") | sha > "$d/m"; mv "$d/m" "$d/r"
  elif [ -f "$d/t$level" ]; then mv "$d/t$level" "$d/r"; fi
  level=$((level + 1))
done
[ "$(base64 < "$d/r")" = "$root" ] || fail "the hash tiles lead to another root than the one that was signed"
echo "the tree of $size entries has the root that was signed"

# 3. The entries: each behind a byte 0 has the hash that the tree holds for it, and that the next one carries.
seq=$(sed 's/.*"from":\\([0-9]*\\).*/\\1/' manifest.json); prev=""; count=0
for f in $(find tile/entries -type f | sed 's/\\.p\\// /' | sort | sed 's/ /.p\\//'); do
  bytes=$(wc -c < "$f"); at=0
  while [ "$at" -lt "$bytes" ]; do
    n=$(tail -c "+$((at + 1))" "$f" | head -c 2 | od -An -tu1 | awk '{ print $1 * 256 + $2 }')
    tail -c "+$((at + 3))" "$f" | head -c "$n" > "$d/entry"
    (printf '\\0'; cat "$d/entry") | sha > "$d/hash"
    leaf "$seq" | cmp -s - "$d/hash" || fail "entry $seq is not the one that was signed"
    said=$(sed 's/.*"prev":"\\([0-9a-f]*\\)".*/\\1/' "$d/entry")
    if [ -n "$prev" ] && [ "$said" != "$prev" ]; then fail "entry $seq does not carry the hash of the one before it"; fi
    prev=$(od -An -v -tx1 "$d/hash" | tr -d ' \\n')
    at=$((at + 2 + n)); seq=$((seq + 1)); count=$((count + 1))
  done
done
[ "$seq" = "$(sed 's/.*"to":\\([0-9]*\\).*/\\1/' manifest.json)" ] || fail "entries are missing from $seq on"
echo "$count entries are the ones that were signed; last hash $prev"
`;

/**
 * The same with Go's own packages for transparency logs, which share no line with us, and a proof for each of some entries. A test builds
 * and runs it as it stands here.
 */
export const GO_RECIPE = `package main

import (
	"encoding/binary"
	"fmt"
	"log"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type hashes []tlog.Hash

func (s hashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	read := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		read[i] = s[index]
	}
	return read, nil
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// path is where tlog-tiles puts number n: groups of three digits, x before all but the last.
func path(folder string, n, width int64) string {
	name := fmt.Sprintf("%03d", n%1000)
	for n /= 1000; n > 0; n /= 1000 {
		name = fmt.Sprintf("x%03d/%s", n%1000, name)
	}
	if width < 256 {
		name += fmt.Sprintf(".p/%d", width)
	}
	return folder + "/" + name
}

func main() {
	vkeys, err := os.ReadFile("log.vkey")
	check(err)
	var verifiers []note.Verifier
	for _, line := range strings.Split(strings.TrimSpace(string(vkeys)), "\\n") {
		verifier, err := note.NewVerifier(strings.Fields(line)[0])
		check(err)
		verifiers = append(verifiers, verifier)
	}
	signed, err := os.ReadFile("checkpoint")
	check(err)
	opened, err := note.Open(signed, note.VerifierList(verifiers...))
	check(err)
	lines := strings.Split(opened.Text, "\\n")
	if lines[0] != verifiers[0].Name() {
		log.Fatal("the key is of another log than the checkpoint")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	check(err)
	root, err := tlog.ParseHash(lines[2])
	check(err)

	var tree hashes
	var leaves []tlog.Hash
	entries := 0
	for n := int64(0); n*256 < size; n++ {
		width := min(256, size-n*256)
		tile, err := os.ReadFile(path("tile/0", n, width))
		check(err)
		if int64(len(tile)) != width*tlog.HashSize {
			log.Fatalf("hash tile %d has not its width", n)
		}
		bundle, err := os.ReadFile(path("tile/entries", n, width))
		isThere := err == nil // an export may begin later than the tree
		if !isThere && (!os.IsNotExist(err) || entries > 0) {
			log.Fatal(err)
		}
		for i := int64(0); i < width; i++ {
			var leaf tlog.Hash
			copy(leaf[:], tile[i*tlog.HashSize:])
			if isThere {
				if len(bundle) < 2 || len(bundle) < 2+int(binary.BigEndian.Uint16(bundle)) {
					log.Fatalf("bundle %d is not whole", n)
				}
				length := 2 + int(binary.BigEndian.Uint16(bundle))
				if tlog.RecordHash(bundle[2:length]) != leaf {
					log.Fatalf("entry %d is not the one that was signed", n*256+i)
				}
				bundle = bundle[length:]
				entries++
			}
			leaves = append(leaves, leaf)
			stored, err := tlog.StoredHashesForRecordHash(n*256+i, leaf, tree)
			check(err)
			tree = append(tree, stored...)
		}
		if len(bundle) > 0 {
			log.Fatalf("bundle %d holds more than it should", n)
		}
	}
	computed, err := tlog.TreeHash(size, tree)
	check(err)
	if computed != root {
		log.Fatal("the hash tiles lead to another root than the one that was signed")
	}
	for _, index := range []int64{0, size / 3, size / 2, size - 1} {
		proof, err := tlog.ProveRecord(size, index, tree)
		check(err)
		check(tlog.CheckRecord(proof, size, root, index, leaves[index]))
	}
	fmt.Printf("%d entries are the ones that were signed, in a tree of %d under %s\\n", entries, size, opened.Sigs[0].Name)
}
`;
