// Checks a certificate of destruction from its JSON alone, with the Go programs' own packages, golang.org/x/mod/sumdb/{note,tlog}, sharing no line with
// the service:
//
//	GO111MODULE=off go run check_certificate.go certificate.json
//
// Prints how many entries are proven, and the hash of the body that one of them carries; fails with a reason otherwise.
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type certificate struct {
	Body    json.RawMessage `json:"body"` // canonical, so its bytes stand in the file as they are hashed
	Entries []struct {
		Seq   int64  `json:"seq"`
		Entry []byte `json:"entry"`
		Proof string `json:"proof"`
	} `json:"entries"`
	Format string `json:"format"`
	Keys   string `json:"keys"`
}

type entry struct {
	Action  string `json:"action"`
	Outcome string `json:"outcome"`
	Seq     int64  `json:"seq"`
	Details struct {
		Certificate string   `json:"certificate"`
		Keys        []string `json:"keys"`
	} `json:"details"`
	Target struct {
		ID string `json:"id"`
	} `json:"target"`
}

type body struct {
	Account struct {
		ID string `json:"id"`
	} `json:"account"`
	Keys []struct {
		ID string `json:"id"`
	} `json:"keys"`
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// covered says that a proof leads from the bytes of an entry to a checkpoint that one of the keys has signed.
func covered(text string, seq int64, content []byte, verifiers note.Verifiers) error {
	head, signed, found := strings.Cut(text, "\n\n")
	if !found {
		return fmt.Errorf("a proof has no checkpoint")
	}
	lines := strings.Split(head, "\n")
	if len(lines) < 2 || lines[0] != "c2sp.org/tlog-proof@v1" || lines[1] != fmt.Sprintf("index %d", seq) {
		return fmt.Errorf("a proof is of another entry or format")
	}
	var proof tlog.RecordProof
	for _, line := range lines[2:] {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return err
		}
		proof = append(proof, hash)
	}
	opened, err := note.Open([]byte(signed), verifiers)
	if err != nil {
		return err
	}
	checkpoint := strings.Split(opened.Text, "\n")
	if len(checkpoint) < 3 || checkpoint[0] != opened.Sigs[0].Name {
		return fmt.Errorf("the text is no checkpoint of the key's log")
	}
	size, err := strconv.ParseInt(checkpoint[1], 10, 64)
	if err != nil {
		return err
	}
	root, err := tlog.ParseHash(checkpoint[2])
	if err != nil {
		return err
	}
	return tlog.CheckRecord(proof, size, root, seq, tlog.RecordHash(content))
}

func main() {
	read, err := os.ReadFile(os.Args[1])
	check(err)
	var c certificate
	check(json.Unmarshal(read, &c))
	var known []note.Verifier
	for _, line := range strings.Split(strings.TrimSpace(c.Keys), "\n") {
		verifier, err := note.NewVerifier(strings.Fields(line)[0])
		check(err)
		known = append(known, verifier)
	}
	if !bytes.HasPrefix(read, append([]byte(`{"body":`), c.Body...)) {
		log.Fatal("the certificate does not begin with its body")
	}
	sum := sha256.Sum256(c.Body)
	hash := hex.EncodeToString(sum[:])
	var b body
	check(json.Unmarshal(c.Body, &b))
	var keys []string
	for _, key := range b.Keys {
		keys = append(keys, key.ID)
	}
	carries := false
	for _, one := range c.Entries {
		check(covered(one.Proof, one.Seq, one.Entry, note.VerifierList(known...)))
		var e entry
		check(json.Unmarshal(one.Entry, &e))
		if e.Seq != one.Seq {
			log.Fatal("an entry is not at its place")
		}
		if e.Action == "account.destroyed" && e.Outcome == "committed" && e.Target.ID == b.Account.ID && e.Details.Certificate == hash {
			carries = strings.Join(e.Details.Keys, " ") == strings.Join(keys, " ")
		}
	}
	if !carries {
		log.Fatal("no entry carries the hash of this body, and its keys")
	}
	fmt.Printf("%d entries are proven; one carries %s\n", len(c.Entries), base64.StdEncoding.EncodeToString(sum[:]))
}
