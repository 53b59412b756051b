package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"
)

// How somebody acted.
const (
	ViaCLI    = "cli"
	ViaAPI    = "api"
	ViaSlack  = "slack"
	ViaSystem = "system" // nerve itself, such as a clean-up
)

// Actor is who acted and how.
type Actor struct {
	// Person is who it was, as the two-person rule compares it: a user name, an
	// address, or the owner of an API token. Lower case, never empty.
	Person string `json:"person"`
	Via    string `json:"via"` // ViaCLI, ViaAPI, ViaSlack or ViaSystem
	// Credential is what proved it, where something did: the id of a token, the
	// issuer of a login. Never the credential itself.
	Credential string `json:"credential,omitempty"`
}

// ErrNobody refuses a change that nobody made.
var ErrNobody = errors.New("audit: say who acts: the person is empty")

// Check refuses an actor without a person or a way.
func (a Actor) Check() error {
	if strings.TrimSpace(a.Person) == "" || a.Via == "" {
		return ErrNobody
	}
	return nil
}

// Subject begins the name of somebody whose login says no address: what follows
// is the issuer's name for them.
const Subject = "sub:"

// Same reports whether two actors are one person, or may be. A user name is taken
// for whoever has it as the front of an address, and one human has a subject in
// one login and an address in the next: where nobody has said whose names are
// whose, it is better to ask a third person than to let one be two.
func (a Actor) Same(b Actor) bool {
	if a.subject() != b.subject() {
		return true
	}
	one, other := strings.TrimSpace(a.Person), strings.TrimSpace(b.Person)
	front, _, address := strings.Cut(one, "@")
	otherFront, _, otherAddress := strings.Cut(other, "@")
	if address != otherAddress {
		one, other = front, otherFront
	}
	return strings.EqualFold(one, other)
}

func (a Actor) subject() bool { return strings.HasPrefix(strings.TrimSpace(a.Person), Subject) }

// Entry is one change. Ref, Actor, Action, Target and Detail are the caller's;
// the record fills in the rest.
type Entry struct {
	Seq int64     `json:"seq"` // 1, 2, 3 … without a gap
	At  time.Time `json:"at"`  // UTC, to the microsecond
	// Ref names what happened, so that writing it twice keeps one entry: such as
	// the id of a workflow and its update. Empty: the entry is written as often
	// as it comes.
	Ref    string            `json:"ref,omitempty"`
	Actor  Actor             `json:"actor"`
	Action string            `json:"action"` // such as source.add
	Target string            `json:"target"` // such as the source's name
	Detail map[string]string `json:"detail,omitempty"`
	Prev   string            `json:"prev"` // Hash of the entry before; Genesis for the first
	Hash   string            `json:"hash"`
}

// Genesis is the Prev of the first entry.
const Genesis = "0000000000000000000000000000000000000000000000000000000000000000"

// Link makes an entry the next one after prev (nil for the first), at a time.
func Link(e Entry, prev *Entry, at time.Time) (Entry, error) {
	if err := e.Actor.Check(); err != nil {
		return e, err
	}
	if e.Action == "" {
		return e, errors.New("audit: an entry needs an action")
	}
	e.Seq, e.Prev, e.At = 1, Genesis, at.UTC().Truncate(time.Microsecond)
	if prev != nil {
		e.Seq, e.Prev = prev.Seq+1, prev.Hash
	}
	var err error
	e.Hash, err = hash(e)
	return e, err
}

// hash is the SHA-256 of the entry's JSON without its hash, in hex. The standard
// library writes fields in their order and maps by key, so the bytes are the same
// wherever they are made again.
func hash(e Entry) (string, error) {
	e.Hash = ""
	b, err := json.Marshal(e)
	if err != nil {
		return "", fmt.Errorf("audit: encode: %w", err)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), nil
}

// Head is the end of a chain.
type Head struct {
	Seq  int64  `json:"seq"`
	Hash string `json:"hash"`
}

// BrokenError says where a chain does not hold.
type BrokenError struct {
	Seq int64 // the first entry that is wrong
	Why string
}

func (e *BrokenError) Error() string {
	return fmt.Sprintf("audit: the chain is broken at entry %d: %s", e.Seq, e.Why)
}

// Verify walks a chain from its first entry and returns its head. Where it does
// not hold the error is a *BrokenError. Heads that were kept elsewhere must be on
// the chain. An error of the sequence itself is returned as it is.
func Verify(chain iter.Seq2[Entry, error], kept ...Head) (Head, error) {
	head := Head{Hash: Genesis}
	for _, k := range kept {
		if k.Seq <= 0 && k != head {
			return head, &BrokenError{1, fmt.Sprintf("a head that was kept is none: %d:%s", k.Seq, k.Hash)}
		}
	}
	for e, err := range chain {
		if err != nil {
			return head, err
		}
		if e.Seq != head.Seq+1 {
			return head, &BrokenError{head.Seq + 1, fmt.Sprintf("it is missing: entry %d comes next", e.Seq)}
		}
		if e.Prev != head.Hash {
			return head, &BrokenError{e.Seq, "it does not follow the one before"}
		}
		want, err := hash(e)
		if err != nil {
			return head, err
		}
		if want != e.Hash {
			return head, &BrokenError{e.Seq, "it was changed after it was written"}
		}
		head = Head{e.Seq, e.Hash}
		for _, k := range kept {
			if k.Seq == e.Seq && k.Hash != e.Hash {
				return head, &BrokenError{e.Seq, "it is not the entry that was kept: the chain was written anew"}
			}
		}
	}
	for _, k := range kept {
		if k.Seq > head.Seq {
			return head, &BrokenError{head.Seq + 1, fmt.Sprintf("the chain ends before entry %d, which was kept: its end was cut off", k.Seq)}
		}
	}
	return head, nil
}
