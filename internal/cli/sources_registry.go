package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os/user"
	"strings"

	"github.com/nerve-alerts/nerve/internal/app"
	"github.com/nerve-alerts/nerve/internal/audit"
	"github.com/nerve-alerts/nerve/internal/config"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/devserver/state"
	"github.com/nerve-alerts/nerve/internal/privacy"
	"github.com/nerve-alerts/nerve/internal/record"
	"github.com/nerve-alerts/nerve/internal/registry"
)

// Approvals asks a second person for a change, and returns the request's id. why
// is the rule that asks for one.
type Approvals interface {
	Submit(ctx context.Context, c contract.Change, why string, by audit.Actor) (id string, err error)
}

// sourceTarget is which nerve's sources a command works on: the configured one,
// or else the nerve dev of a state directory.
type sourceTarget struct {
	Config string `help:"Configuration file; DATABASE_URL, REDIS_URL and NERVE_KEYSET in the environment do as well." placeholder:"FILE" xor:"target"`
	State  string `help:"The state directory of a nerve dev to work on, whatever the environment says." placeholder:"DIR" xor:"target"`
	JSON   bool   `help:"Print JSON."`
}

// desk is what a command works with.
type desk struct {
	*registry.Registry
	dev       *state.Note // nil for a deployed nerve
	approvals Approvals   // nil where nobody can be asked
}

// with opens the registry for a command.
func (st *sourceTarget) with(ctx context.Context, run func(*desk) error) (err error) {
	cfg, dev, err := st.find(ctx)
	if err != nil {
		return err
	}
	keys, err := privacy.ParseKeyset([]byte(cfg.Keyset.Reveal()))
	if err != nil {
		return err
	}
	sealer, err := privacy.NewSealer(keys)
	if err != nil {
		return err
	}
	store, err := record.Connect(ctx, cfg.DatabaseURL.Reveal())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	if err := store.CheckSchema(ctx); err != nil {
		return err
	}
	client, a, err := app.Admission(cfg, false, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer func() { _ = errors.Join(a.Close(ctx), client.Close()) }() // nothing is kept for it
	r, err := registry.New(registry.Options{
		Store: store, Sealer: sealer, File: cfg.Sources, Base: cfg.SourceBase, SingleOperator: cfg.Approvals.SingleOperator,
		Announce: registry.Carrier{Client: client, Sealer: sealer}.Announce,
	})
	if err != nil {
		return err
	}
	return run(&desk{Registry: r, dev: dev, approvals: asking(cfg)})
}

// find takes the nerve dev that is named, else what is configured, else the nerve
// dev of the default directory.
func (st *sourceTarget) find(ctx context.Context) (*config.Config, *state.Note, error) {
	cfg := &config.Config{SourceBase: config.DefaultSource("", "")}
	if st.State == "" {
		var err error
		if cfg, err = app.LoadConfig(config.Operator, st.Config); err != nil {
			return nil, nil, err
		}
		if cfg.DatabaseURL != "" {
			return cfg, nil, st.complete(cfg)
		}
	}
	dev, err := findDev(ctx, st.State)
	if err != nil {
		return nil, nil, fmt.Errorf("%w, or set DATABASE_URL, REDIS_URL and NERVE_KEYSET to work on a deployed nerve", err)
	}
	if dev.Database == "" {
		return nil, nil, errors.New("this nerve dev is of an older release: stop it and start it again")
	}
	return devConfig(dev), &dev, nil
}

func (*sourceTarget) complete(cfg *config.Config) error {
	if cfg.RedisURL == "" {
		return usageError{"set REDIS_URL: by Redis every ingest hears of a change"}
	}
	if cfg.Keyset == "" {
		return usageError{"set NERVE_KEYSET or NERVE_KEYSET_FILE: with it secrets are sealed"}
	}
	return nil
}

// devConfig is what a nerve dev works with: one person, and a source for each
// provider, which is not for the database to change.
func devConfig(n state.Note) *config.Config {
	cfg := &config.Config{
		DatabaseURL: config.Secret(n.Database), RedisURL: config.Secret(n.Redis), Keyset: config.Secret(n.Keyset),
		EventsTopic: "deliveries", SourceBase: config.DefaultSource("", ""),
		Approvals: config.Approvals{SingleOperator: n.SingleOperator, Channel: n.ApprovalsChannel, Deadline: n.ApprovalsDeadline},
		People:    n.People, Temporal: config.Temporal{Address: n.Temporal, Namespace: n.Namespace, UIURL: n.TemporalUI},
	}
	for name, secret := range sorted(n.Secrets) {
		provider := n.Providers[name]
		if provider == "" {
			provider = name
		}
		cfg.Sources = append(cfg.Sources, config.DefaultSource(name, provider, config.Secret(secret)))
	}
	return cfg
}

// changing is what every command that changes a source has.
type changing struct {
	sourceTarget
	By     string `help:"Who asks; your user name by default." placeholder:"PERSON"`
	Reason string `help:"Why, for the audit log and for whoever approves it." placeholder:"TEXT"`
}

func (c *changing) actor() audit.Actor {
	by := c.By
	if by == "" {
		if u, err := user.Current(); err == nil {
			by = u.Username
		}
	}
	return audit.Actor{Person: strings.ToLower(strings.TrimSpace(by)), Via: audit.ViaCLI}
}

// changed is what became of a change.
type changed struct {
	Action   contract.Action `json:"action"`
	Source   string          `json:"source"`
	Revision int64           `json:"revision,omitempty"`
	SecretID string          `json:"secret_id,omitempty"`
	Secret   string          `json:"secret,omitempty"` // that was made, shown this once
	Approval string          `json:"approval,omitempty"`
	Why      string          `json:"why,omitempty"` // why it needs an approval
	Warnings []string        `json:"warnings,omitempty"`
	Same     bool            `json:"unchanged,omitempty"`
	URL      string          `json:"url,omitempty"`
}

// change makes a change, or asks a second person for it.
func (c *changing) change(ctx context.Context, d *desk, ch contract.Change) (changed, error) {
	ch.Reason = c.Reason
	done := changed{Action: ch.Action, Source: ch.Target, URL: d.url(ch.Target)}
	verdict, err := d.Check(ctx, ch)
	if errors.Is(err, registry.ErrUnchanged) {
		done.Same = true
		return done, nil
	}
	if err != nil {
		return done, asked(err)
	}
	if verdict.SecondPerson && !d.SingleOperator {
		done.Why, done.Warnings = verdict.Why, verdict.Warnings
		if d.approvals == nil {
			return done, fmt.Errorf("this needs a second person's approval (%s), and approvals need Temporal: "+
				"set TEMPORAL_ADDRESS, or approvals.single_operator where there is one person", verdict.Why)
		}
		ch.Revision = verdict.Revision // what is granted is a change of the source as it is now
		done.Approval, err = d.approvals.Submit(ctx, ch, verdict.Why, c.actor())
		return done, err
	}
	applied, err := d.Apply(ctx, registry.Order{Change: ch, By: c.actor()})
	if err != nil {
		return done, asked(err)
	}
	done.Revision, done.SecretID, done.Warnings = applied.Revision, applied.SecretID, applied.Warnings
	return done, nil
}

// asked marks what is wrong with what was asked for, and not with nerve.
func asked(err error) error {
	for _, mistaken := range []error{registry.ErrNotFound, registry.ErrExists, registry.ErrReadOnly, registry.ErrSamePerson} {
		if errors.Is(err, mistaken) {
			return usageError{plain(err)}
		}
	}
	if _, force := errors.AsType[*registry.ForceError](err); force {
		return usageError{plain(err) + "; --force removes it all the same"}
	}
	if soon, ok := errors.AsType[*record.PurgeError](err); ok {
		return usageError{plain(soon)}
	}
	return err
}

// url is where the source is delivered to, as far as this command can know.
func (d *desk) url(name string) string {
	if d.dev != nil {
		return d.dev.SourceURL(name)
	}
	return "/webhooks/" + name
}

// say prints what became of a change.
func (c *changing) say(t terminal, done changed, what string) error {
	if c.JSON {
		return t.json(done)
	}
	switch {
	case done.Same:
		t.printf("Nothing to change: it is so already.\n")
	case done.Approval != "":
		t.printf("Asked for a second person's approval: %s\n", done.Approval)
		t.wrapped("Why", done.Why)
		t.printf("%-10s nerve approvals show %s\n", "Look at it", done.Approval)
	default:
		t.printf("%s %s: revision %d.\n", done.Source, what, done.Revision)
	}
	for _, w := range done.Warnings {
		t.wrapped("Note", w)
	}
	if done.Secret != "" {
		t.printf("\nSecret     %s\nIt is shown this once. Put it where the sender keeps it.\n", done.Secret)
	}
	return nil
}
