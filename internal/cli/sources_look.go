package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nerve-alerts/nerve/internal/config"
	"github.com/nerve-alerts/nerve/internal/registry"
	"github.com/nerve-alerts/nerve/internal/sender"
	"github.com/nerve-alerts/nerve/providers"
)

type sourcesListCmd struct {
	sourceTarget
	All bool `help:"Of a nerve dev, also those that it has by itself, one for each provider."`
}

// Run lists sources.
func (c *sourcesListCmd) Run(ctx context.Context, t terminal) error {
	return c.with(ctx, func(d *desk) error {
		views, err := d.List(ctx)
		if err != nil {
			return err
		}
		own := 0
		if d.dev != nil && !c.All {
			views = slices.DeleteFunc(views, func(v registry.View) bool {
				if v.Origin == registry.OriginFile {
					own++
				}
				return v.Origin == registry.OriginFile
			})
		}
		if c.JSON {
			return t.json(append([]registry.View{}, views...))
		}
		if len(views) > 0 {
			rows := make([][]string, 0, len(views))
			for _, v := range views {
				rows = append(rows, []string{v.Name, oneLine(v.Provider, 20), v.Origin, stateOf(v), fmt.Sprint(inUse(v)), changedAt(v)})
			}
			if err := t.table([]string{"NAME", "PROVIDER", "DEFINED IN", "STATE", "SECRETS", "CHANGED"}, rows); err != nil {
				return err
			}
		} else {
			t.printf("No sources in the database.\n")
		}
		if own > 0 {
			t.printf("\nBeside them, nerve dev has %d of its own, one for each provider: --all lists them.\n", own)
		}
		return nil
	})
}

func changedAt(v registry.View) string {
	if v.UpdatedAt.IsZero() {
		return ""
	}
	return ago(time.Now(), v.UpdatedAt) + " by " + oneLine(v.UpdatedBy, 24)
}

func inUse(v registry.View) int {
	n := 0
	for _, s := range v.Secrets {
		if s.State == registry.SecretInUse {
			n++
		}
	}
	return n
}

func stateOf(v registry.View) string {
	switch {
	case v.Hidden:
		return "hidden by the file"
	case v.Disabled:
		return "disabled"
	case v.Error != "":
		return "broken"
	case v.Paused:
		return "paused"
	}
	return "ready"
}

type sourcesShowCmd struct {
	sourceTarget
	Name string `arg:"" help:"The source."`
}

// Run shows a source.
func (c *sourcesShowCmd) Run(ctx context.Context, t terminal) error {
	return c.with(ctx, func(d *desk) error {
		v, err := d.Get(ctx, c.Name)
		if err != nil {
			return asked(err)
		}
		if c.JSON {
			return t.json(v)
		}
		return showSource(t, v, d.url(v.Name)+below(d), time.Now())
	})
}

func showSource(t terminal, v registry.View, url string, now time.Time) error {
	e := v.Effective
	for _, row := range [][2]string{
		{"Name", v.Name},
		{"Provider", v.Provider},
		{"Defined in", v.Origin},
		{"State", stateOf(v)},
		{"URL", url},
		{"Revision", number(int(v.Revision))},
		{"Changed", changedAt(v)},
		{"Channel", e.Channel},
		{"Handler", e.Handler},
		{"Floor", e.SeverityFloor},
		{"Proof", strings.Join(append([]string{"at least " + e.MinAssurance}, e.Schemes...), ", ")},
		{"From", strings.Join(e.AllowCIDRs, ", ")},
		{"Public URL", e.PublicURL},
		{"Tolerance", tolerance(e)},
		{"Quiet", "closes after " + e.QuietPeriod},
		{"Windows", "content " + e.Window + ", storm " + e.Debounce + ", deliveries " + e.DeliveryTTL},
		{"Rate", fmt.Sprintf("%d a minute, %d at once, 429 beyond %d a minute", e.Rate, e.Burst, e.HardCap)},
	} {
		if row[1] != "" {
			t.printf("%-10s %s\n", row[0], row[1])
		}
	}
	if e.Tasks != nil {
		showTasks(t, e.Tasks)
	}
	t.wrapped("Error", v.Error)
	if v.PurgedAt != nil {
		t.printf("%-10s %s\n", "Purged", v.PurgedAt.UTC().Format(time.RFC3339))
	}
	if len(v.Secrets) == 0 {
		return nil
	}
	rows := make([][]string, 0, len(v.Secrets))
	for _, s := range v.Secrets {
		used := "never"
		if !s.LastUsed.IsZero() {
			used = ago(now, s.LastUsed)
		}
		added := ""
		if !s.AddedAt.IsZero() {
			added = ago(now, s.AddedAt)
		}
		rows = append(rows, []string{s.ID, s.State, added, used, s.Note})
	}
	t.printf("\n")
	return t.table([]string{"SECRET", "STATE", "ADDED", "LAST USED", ""}, rows)
}

// tolerance is which signed times are taken, and what is answered to others.
func tolerance(e registry.Effective) string {
	ahead, stale := "as the vendor has it", "as the vendor has it"
	if e.ToleranceFuture != "" {
		ahead = e.ToleranceFuture
	}
	if e.StaleStatus != 0 {
		stale = fmt.Sprint(e.StaleStatus)
	}
	return fmt.Sprintf("%s old, ahead %s, answered %s", e.TolerancePast, ahead, stale)
}

// showTasks says how the tasks of a source are treated.
func showTasks(t terminal, e *registry.EffectiveTasks) {
	hosts := "nowhere but data: URIs"
	if len(e.OutputHosts) > 0 {
		hosts = strings.Join(e.OutputHosts, ", ")
	}
	known := "any"
	if e.RequireKnown {
		known = "only those that nerve tasks expect has registered"
	}
	t.wrapped("Outputs", "from "+hosts)
	t.wrapped("", fmt.Sprintf("%s; %d bytes at most", strings.Join(e.OutputTypes, ", "), e.OutputMax))
	t.wrapped("Tasks", fmt.Sprintf("%s; the channel hears of %s; failed after %s of silence", known, e.TaskNotices, e.TaskPatience))
}

func number(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

type sourcesTestCmd struct {
	sourceTarget
	Name    string `arg:"" help:"The source."`
	URL     string `help:"The address of your front, such as https://alerts.example.com; of a nerve dev it is known." placeholder:"URL"`
	Fixture string `help:"Which of the provider's payloads; the first by default." placeholder:"NAME" xor:"body"`
	File    string `help:"A payload of your own instead, - for standard input." placeholder:"FILE" xor:"body"`
}

// Help is what --help says below the flags' list.
func (*sourcesTestCmd) Help() string {
	return "The payload is signed with the newest secret and is like any other: it raises an incident."
}

// Run delivers to a source.
func (c *sourcesTestCmd) Run(ctx context.Context, t terminal) error {
	return c.with(ctx, func(d *desk) error {
		s, err := d.stored(ctx, c.Name)
		if err != nil {
			return err
		}
		spec, err := registry.SpecOf(s)
		if err != nil {
			return err
		}
		base := c.URL
		if base == "" && d.dev != nil {
			base = d.dev.IngestURL
		}
		if base == "" {
			return usageError{"say where your front is: --url https://alerts.example.com"}
		}
		o := sender.Options{URL: strings.TrimSuffix(base, "/") + "/webhooks/" + s.Name, Provider: spec.Name, Spec: &spec}
		if o.Secret, err = newest(s, time.Now()); err != nil {
			return err
		}
		send := sendCmd{Fixture: c.Fixture, File: c.File, Count: 1, JSON: c.JSON}
		if o.Body, err = send.body(spec); err != nil {
			return err
		}
		if o.Header, err = send.header(spec); err != nil {
			return err
		}
		if len(s.Schemes) > 0 {
			o.Schemes = s.Schemes[:1]
		}
		if err := send.send(ctx, t, spec, o); err != nil || c.JSON {
			return err
		}
		t.printf("What became of it, and why: nerve deliveries list --source %s\n", s.Name)
		return nil
	})
}

// newest is the newest secret that counts now.
func newest(s config.Source, now time.Time) (string, error) {
	for _, secret := range s.Secrets {
		if !now.Before(secret.NotBefore) && (secret.NotAfter.IsZero() || !now.After(secret.NotAfter)) {
			return secret.Value.Reveal(), nil
		}
	}
	if s.Anybody() {
		return providers.SecretID(s.Name), nil // it is not looked at
	}
	return "", fmt.Errorf("source %s has no secret that counts now", s.Name)
}

// stored is a source with its secrets, wherever it is defined.
func (d *desk) stored(ctx context.Context, name string) (config.Source, error) {
	for _, s := range d.File {
		if s.Name == name {
			return s, nil
		}
	}
	l, err := d.Load(ctx)
	if err != nil {
		return config.Source{}, err
	}
	for _, s := range l.Sources {
		if s.Source.Name == name {
			return s.Source, s.Err
		}
	}
	return config.Source{}, asked(registry.ErrNotFound)
}
