package task

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
)

// minted is what ids look like that a machine has made: a UUID, or Replicate's
// 26 letters and digits. Any other could have been typed by a customer.
var minted = regexp.MustCompile(`^([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[a-z0-9]{26})$`)

// Name is what a task is called everywhere but at its sender and at the billing
// system: its id where a machine has made it, else 32 hex digits of a hash over
// it and its source, because what customers type may be about people.
func Name(source, id string) string {
	if minted.MatchString(id) {
		return id
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "nerve task\x00%d:%s%s", len(source), source, id))
	return hex.EncodeToString(sum[:16])
}
