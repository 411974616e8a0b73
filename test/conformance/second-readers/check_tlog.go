// Checks a log's signed checkpoint, its root and its proofs with the Go programs' own packages, golang.org/x/mod/sumdb/{note,tlog}, sharing no
// line with the service:
//
//	GO111MODULE=off go run check_tlog.go FILE
//
// FILE is one JSON object, see type log below; bytes are base64. Prints one JSON object: "checked", how many statements held, and "faults",
// one line for each that did not.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type log struct {
	Vkey        string        `json:"vkey"`
	Note        string        `json:"note"`
	Leaves      [][]byte      `json:"leaves"` // the entries themselves, not their hashes
	Inclusion   []inclusion   `json:"inclusion"`
	Consistency []consistency `json:"consistency"`
}

type inclusion struct {
	Index int64    `json:"index"`
	Proof [][]byte `json:"proof"`
}

type consistency struct {
	OldSize int64    `json:"oldSize"`
	OldRoot []byte   `json:"oldRoot"`
	Proof   [][]byte `json:"proof"`
}

// storage holds hashes where the package tlog asks for them.
type storage []tlog.Hash

func (s storage) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		if index >= int64(len(s)) {
			return nil, fmt.Errorf("no hash %d", index)
		}
		hashes[i] = s[index]
	}
	return hashes, nil
}

func toHash(bytes []byte) (hash tlog.Hash, err error) {
	if len(bytes) != tlog.HashSize {
		return hash, fmt.Errorf("a hash is not %d bytes", tlog.HashSize)
	}
	copy(hash[:], bytes)
	return hash, nil
}

func toHashes(list [][]byte) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(list))
	for i, bytes := range list {
		hash, err := toHash(bytes)
		if err != nil {
			return nil, err
		}
		hashes[i] = hash
	}
	return hashes, nil
}

// openCheckpoint returns size and root of a checkpoint that its log's key has signed.
func openCheckpoint(vkey, signed string) (int64, tlog.Hash, error) {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return 0, tlog.Hash{}, err
	}
	opened, err := note.Open([]byte(signed), note.VerifierList(verifier))
	if err != nil {
		return 0, tlog.Hash{}, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() {
		return 0, tlog.Hash{}, fmt.Errorf("the text is no checkpoint of the key's log")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return 0, tlog.Hash{}, err
	}
	root, err := tlog.ParseHash(lines[2])
	return size, root, err
}

func treeHash(leaves [][]byte) (tlog.Hash, error) {
	var stored storage
	for i, leaf := range leaves {
		hashes, err := tlog.StoredHashes(int64(i), leaf, stored)
		if err != nil {
			return tlog.Hash{}, err
		}
		stored = append(stored, hashes...)
	}
	return tlog.TreeHash(int64(len(leaves)), stored)
}

func checkInclusion(l log, p inclusion, size int64, root tlog.Hash) error {
	proof, err := toHashes(p.Proof)
	if err != nil {
		return err
	}
	if p.Index < 0 || p.Index >= int64(len(l.Leaves)) {
		return fmt.Errorf("no such leaf")
	}
	return tlog.CheckRecord(proof, size, root, p.Index, tlog.RecordHash(l.Leaves[p.Index]))
}

func checkConsistency(p consistency, size int64, root tlog.Hash) error {
	proof, err := toHashes(p.Proof)
	if err != nil {
		return err
	}
	oldRoot, err := toHash(p.OldRoot)
	if err != nil {
		return err
	}
	return tlog.CheckTree(proof, size, root, p.OldSize, oldRoot)
}

func main() {
	checked, faults := 0, []string{}
	take := func(what string, err error) {
		if err != nil {
			faults = append(faults, what+": "+err.Error())
		} else {
			checked++
		}
	}
	bytes, err := os.ReadFile(os.Args[1])
	if err != nil {
		panic(err)
	}
	var l log
	if err := json.Unmarshal(bytes, &l); err != nil {
		panic(err)
	}
	size, root, err := openCheckpoint(l.Vkey, l.Note)
	take("note", err)
	computed, err := treeHash(l.Leaves)
	if err == nil && (computed != root || int64(len(l.Leaves)) != size) {
		err = fmt.Errorf("the leaves lead to another root or size")
	}
	take("root", err)
	for _, p := range l.Inclusion {
		take(fmt.Sprintf("inclusion of %d", p.Index), checkInclusion(l, p, size, root))
	}
	for _, p := range l.Consistency {
		take(fmt.Sprintf("consistency with %d", p.OldSize), checkConsistency(p, size, root))
	}
	if err := json.NewEncoder(os.Stdout).Encode(map[string]interface{}{"checked": checked, "faults": faults}); err != nil {
		panic(err)
	}
}
