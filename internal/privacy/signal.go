package privacy

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"

	"github.com/nerve-alerts/nerve/incident"
)

// Signal scrubs everything in a signal that a sender can type into: title,
// description, event type, tags, entities, links. What routes stays: ids, Slack
// channel, timestamps and users. Doing it twice changes nothing more.
//
// Two fields identify instead of telling, and must be equal for equal alerts
// whatever the incident's salt, so they are hashed: Key.Value becomes
// Key.Hash(source) unless the key is Opaque, and is Opaque from then on; Group
// becomes a hash if it held anything to scrub. Compute ContentFingerprint
// before: afterwards the tokens make it differ from incident to incident.
func (s *Scrubber) Signal(salt []byte, sig *incident.Signal) {
	sig.Title = s.Text(salt, sig.Title)
	sig.Description = s.Text(salt, sig.Description)
	sig.EventType = s.Text(salt, sig.EventType)
	sig.Tags = s.tags(salt, sig.Tags)
	for i := range sig.RelatedEntities {
		e := &sig.RelatedEntities[i]
		e.Type, e.Name = s.Text(salt, e.Type), s.field(salt, e.Type, e.Name)
	}
	for i := range sig.Links {
		l := &sig.Links[i]
		l.Title, l.URL = s.Text(salt, l.Title), s.URL(salt, l.URL)
	}
	if !sig.Key.Opaque {
		sig.Key.Value, sig.Key.Opaque = sig.Key.Hash(sig.Source), true
	}
	if s.Text(salt, sig.Group) != sig.Group {
		sum := sha256.Sum256([]byte(sig.Group))
		sig.Group = "h" + hex.EncodeToString(sum[:16]) // the letter keeps it from looking like a card number
	}
}

// Evidence scrubs what a tool returned. ID and Tool are nerve's own.
func (s *Scrubber) Evidence(salt []byte, e *incident.Evidence) {
	e.Title = s.Text(salt, e.Title)
	e.Text = s.Text(salt, e.Text)
	e.URL = s.URL(salt, e.URL)
}

// Verdict scrubs what an analysis concluded: a model may write what it was
// never shown. The ids of the evidence stay.
func (s *Scrubber) Verdict(salt []byte, v *incident.Verdict) {
	v.Summary = s.Text(salt, v.Summary)
	v.LikelyCause = s.Text(salt, v.LikelyCause)
	for i := range v.Claims {
		v.Claims[i].Text = s.Text(salt, v.Claims[i].Text)
	}
	for i := range v.NextSteps {
		v.NextSteps[i] = s.Text(salt, v.NextSteps[i])
	}
}

// URL is Text for a URL: its tokens are percent-encoded, so that it stays one.
func (s *Scrubber) URL(salt []byte, url string) string { return inURL(s.Text(salt, url)) }

// ErrorText returns an error's text, scrubbed, or "" for nil. An activity
// returns this and never the error itself, which its SDK would send as it is.
func (s *Scrubber) ErrorText(salt []byte, err error) string {
	if err == nil {
		return ""
	}
	return s.Text(salt, err.Error())
}

// tags scrubs keys and values. In order, so that when two keys become the same
// token the same one wins everywhere.
func (s *Scrubber) tags(salt []byte, tags map[string]string) map[string]string {
	if tags == nil {
		return nil
	}
	clean := make(map[string]string, len(tags))
	for _, name := range slices.Sorted(maps.Keys(tags)) {
		clean[s.Text(salt, name)] = s.field(salt, name, tags[name])
	}
	return clean
}

// field scrubs a value whose name says what it is: a tag "password" is a secret
// whatever it looks like, a tag "phone" needs no "+".
func (s *Scrubber) field(salt []byte, name, value string) string {
	start, end := nextToken(value, 0)
	clean := start == 0 && end == len(value)
	if !clean && isSecretValue(name, value) {
		if len(salt) == 0 {
			salt = s.fallback
		}
		return token(salt, kindSecret, value)
	}
	return s.scrub(salt, value, namesPhone(name))
}
