package admission

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
)

// names builds key names. What comes from outside is hashed: a name then has one
// length, tells nothing, and no separator inside an id makes two ids one key.
type names struct{ prefix string }

// keys are the keys of one claim. A key whose layer is skipped is named but
// never touched, because Redis wants every key declared.
type keys struct {
	limit, bucket, delivery, window, last string
}

func (n names) of(c Claim) keys {
	window := hash(c.Source, cmp.Or(c.Window, c.joined))
	source := hash(c.Source)
	return keys{
		limit:    n.prefix + "cap:" + source,
		bucket:   n.prefix + "rate:" + source,
		delivery: n.prefix + "delivery:" + hash(c.Source, c.DeliveryID),
		window:   n.prefix + "window:" + window,
		last:     n.prefix + "last:" + window,
	}
}

func (n names) probe() string                  { return n.prefix + "probe" }
func (n names) spool() string                  { return n.prefix + "spool" }
func (names) lease(stream string) string       { return stream + ":lease" }
func (names) deadLetters(stream string) string { return stream + ":dead" }

// hash names the parts in 128 bits. Lengths come first, so ("ab", "c") and
// ("a", "bc") differ.
func hash(parts ...string) string {
	buf := make([]byte, 0, 256)
	for _, p := range parts {
		buf = strconv.AppendInt(buf, int64(len(p)), 10)
		buf = append(buf, ':')
		buf = append(buf, p...)
	}
	sum := sha256.Sum256(buf)
	return hex.EncodeToString(sum[:16])
}
