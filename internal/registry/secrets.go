package registry

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/nerve-alerts/nerve/internal/config"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/record"
)

// secretContext is the associated data of a sealed secret: one that was copied
// to another source, or to another id, does not open.
func secretContext(source, id string) []byte {
	return []byte("nerve/source/" + source + "/secret/" + id)
}

func (r *Registry) planSecretAdd(c contract.Change, p *plan) error {
	p.second("whoever has the secret can raise incidents")
	source, err := r.open(p.write.Source)
	if err != nil && source.Name == "" {
		return err
	}
	if source.Anybody() && len(active(p.write.Source.Secrets)) > 0 {
		p.verdict.Warnings = append(p.verdict.Warnings, "the source takes deliveries that nothing proves, so the secret is not looked at")
	}
	for _, s := range source.Secrets {
		if subtle.ConstantTimeCompare([]byte(s.Value.Reveal()), []byte(c.Secret)) == 1 {
			return mistake("secret", "is one that the source has already ("+s.ID+")", "Give a new one")
		}
	}
	if len(active(p.write.Source.Secrets)) >= maxSecrets {
		return mistake("secret", fmt.Sprintf("would be number %d", maxSecrets+1), "Remove one that nobody uses first: nerve sources remove-secret")
	}
	if err := r.addSecret(c, p, source); err != nil {
		return err
	}
	if source.Anybody() {
		return nil
	}
	return r.builds(source, c.Secret)
}

// newSecretID names a secret: 16 hex digits by chance, so that the name says
// nothing of the secret, and no two of a source have the same.
func newSecretID() string {
	raw := make([]byte, 8)
	_, _ = rand.Read(raw) // never fails: it ends the program instead
	return hex.EncodeToString(raw)
}

// addSecret seals the change's secret for the source.
func (r *Registry) addSecret(c contract.Change, p *plan, source config.Source) error {
	problem := config.ShortSecret(config.Secret(c.Secret), VendorOf(source).SecretMin)
	switch {
	case c.Secret == "":
		return mistake("secret", "is missing: nothing unproved is accepted", "Give one, or let one be made")
	case strings.HasPrefix(c.Secret, "env:"), strings.HasPrefix(c.Secret, "file:"):
		return mistake("secret", "names a variable or a file, which only the configuration file may", "Give the secret itself")
	case c.Secret != strings.TrimSpace(c.Secret):
		return mistake("secret", "begins or ends with a space or a line break", "Take that off")
	case problem != "":
		return mistake("secret", problem, "Use the vendor's secret whole, or generate a longer one")
	}
	s := record.SourceSecret{ID: newSecretID()}
	if c.Action == contract.ActionSecretAdd {
		var err error
		if s.NotBefore, s.NotAfter, err = config.ParseValidity(c.Fields); err != nil {
			return err
		}
		if !s.NotAfter.IsZero() && !s.NotAfter.After(r.Now()) {
			return mistake("not_after", "is over: the secret would prove nothing", "Give a later time, or leave it out")
		}
	}
	sealed, err := r.Sealer.Seal([]byte(c.Secret), secretContext(c.Target, s.ID))
	if err != nil {
		return fmt.Errorf("registry: seal the secret: %w", err)
	}
	s.Sealed = sealed
	p.write.Add, p.secretID = []record.SourceSecret{s}, s.ID
	p.detail["secret_id"] = s.ID
	return nil
}

func (r *Registry) planSecretRemove(ctx context.Context, c contract.Change, p *plan) error {
	p.second("a sender that still uses the secret is refused")
	source := p.write.Source
	now, rest, found := r.Now(), 0, false
	for _, s := range active(source.Secrets) {
		switch {
		case s.ID == c.SecretID:
			found = true
		case counts(s, now):
			rest++
		}
	}
	if !found {
		return mistake("secret_id", fmt.Sprintf("the source has no secret %q", c.SecretID), "nerve sources show "+c.Target+" lists them")
	}
	parsed, _ := parse(config.Entry{Name: source.Name, Fields: fieldsOf(source)}, r.Base)
	if rest == 0 && !parsed.Anybody() {
		return mistake("secret_id", "is the last secret that counts", "Add another first: nerve sources rotate "+c.Target)
	}
	used, err := r.lastUsed(ctx, c.Target)
	if err != nil {
		return err
	}
	p.detail["secret_id"], p.write.Remove = c.SecretID, []string{c.SecretID}
	last := used[c.SecretID]
	if now.Sub(last) >= SafeAfter {
		return nil
	}
	why := fmt.Sprintf("secret %s proved a delivery at %s, less than 7 days ago: senders that still use it would be refused",
		c.SecretID, last.Format(time.RFC3339))
	if !c.Force {
		return &ForceError{Why: why}
	}
	p.detail["force"] = "last used " + last.Format(time.RFC3339)
	p.verdict.Warnings = append(p.verdict.Warnings, why)
	return nil
}

// active are the secrets that were not removed.
func active(all []record.SourceSecret) []record.SourceSecret {
	var list []record.SourceSecret
	for _, s := range all {
		if s.RemovedAt.IsZero() {
			list = append(list, s)
		}
	}
	return list
}

// counts reports whether a secret proves deliveries at a time.
func counts(s record.SourceSecret, at time.Time) bool {
	return s.RemovedAt.IsZero() && !at.Before(s.NotBefore) && (s.NotAfter.IsZero() || !at.After(s.NotAfter))
}

// lastUsed is when each secret of a source last proved a delivery.
func (r *Registry) lastUsed(ctx context.Context, source string) (map[string]time.Time, error) {
	uses, err := r.Store.SecretUse(ctx, source)
	if err != nil {
		return nil, err
	}
	used := make(map[string]time.Time, len(uses))
	for _, u := range uses {
		used[u.SecretID] = u.LastUsed
	}
	return used, nil
}
