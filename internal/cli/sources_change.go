package cli

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/nerve-alerts/nerve/internal/config"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/registry"
	"github.com/nerve-alerts/nerve/providers"
)

// newSecretFlags say where a new secret comes from.
type newSecretFlags struct {
	Secret   string `help:"Where the secret is: a file, - for standard input, or env:NAME." placeholder:"WHERE" xor:"secret"`
	Generate bool   `help:"Make one, and print it this once." xor:"secret"`
}

// value reads or makes the secret. made is what is to be shown.
func (f *newSecretFlags) value(s config.Source) (value, made string, err error) {
	if !f.Generate {
		if f.Secret == "" {
			return "", "", nil
		}
		value, err = readSecret("--secret", f.Secret)
		return value, "", err
	}
	spec, err := registry.SpecOf(s)
	if err != nil {
		return "", "", usageError{"--generate: " + plain(err)}
	}
	schemes, err := providers.Expand(spec.Schemes)
	if err != nil {
		return "", "", err
	}
	for _, scheme := range schemes {
		name := scheme.Name
		if name == "" {
			name = string(scheme.Kind)
		}
		if len(s.Schemes) > 0 && !slices.Contains(s.Schemes, name) {
			continue
		}
		switch scheme.Kind {
		case providers.KindHMAC, providers.KindToken, providers.KindBasic:
			seed := make([]byte, 32)
			_, _ = rand.Read(seed) // never fails: it ends the program instead
			value, err = scheme.NewSecret(seed)
			return value, value, err
		}
	}
	return "", "", usageError{"--generate: " + spec.Title + " proves itself with a key of its own: give it with --secret"}
}

type sourcesAddCmd struct {
	changing
	newSecretFlags
	Name     string   `arg:"" help:"The URL segment: 1 to 40 of a-z, 0-9 and -."`
	Provider string   `help:"The vendor; nerve sources providers lists them." placeholder:"NAME" xor:"vendor"`
	Mapping  string   `help:"A mapping of your own instead; its text is kept." placeholder:"FILE" xor:"vendor"`
	Set      []string `help:"A key of the configuration file and its value, such as window=30m; repeat it." placeholder:"KEY=VALUE" sep:"none"`
}

// Help is what --help says below the flags' list.
func (*sourcesAddCmd) Help() string {
	return "nerve sources add datadog-prod --provider datadog --generate --set channel=C0ALERTS --set window=30m"
}

// Run adds a source.
func (c *sourcesAddCmd) Run(ctx context.Context, t terminal) error {
	fields, err := assignments(c.Set)
	if err != nil {
		return err
	}
	if c.Provider != "" {
		if _, err := provider(c.Provider); err != nil {
			return err
		}
		fields["provider"] = c.Provider
	}
	if c.Mapping != "" {
		text, err := readInput("--mapping", c.Mapping)
		if err != nil {
			return err
		}
		fields["mapping"] = string(text)
	}
	return c.with(ctx, func(d *desk) error {
		source := config.Source{Name: c.Name, Provider: text1(fields["provider"]), MappingText: text1(fields["mapping"]), Schemes: texts(fields["schemes"])}
		if source.MappingText != "" {
			source.Provider = c.Name
		}
		value, made, err := c.value(source)
		if err != nil {
			return err
		}
		done, err := c.change(ctx, d, contract.Change{Action: contract.ActionSourceAdd, Target: c.Name, Fields: fields, Secret: value})
		if err != nil {
			return err
		}
		done.Secret = made
		if err := c.say(t, done, "is added"); err != nil || c.JSON || done.Approval != "" {
			return err
		}
		t.printf("URL        %s%s\n", done.URL, below(d))
		if spec, err := registry.SpecOf(source); err == nil && spec.SecretHelp != "" {
			t.wrapped("Secret at", spec.SecretHelp)
		}
		t.printf("Try it     nerve sources test %s\n", c.Name)
		return nil
	})
}

// below explains a URL that is only a path.
func below(d *desk) string {
	if d.dev != nil {
		return ""
	}
	return ", below the address of your front"
}

func text1(v any) string {
	s, _ := v.(string)
	return s
}

func texts(v any) []string {
	if s := text1(v); s != "" {
		return []string{s}
	}
	list, _ := v.([]any)
	var all []string
	for _, one := range list {
		all = append(all, text1(one))
	}
	return all
}

// assignments reads key=value. A value is written as in the configuration file;
// none takes a key back to its default.
func assignments(list []string) (map[string]any, error) {
	fields := map[string]any{}
	known := config.SourceKeys()
	for _, one := range list {
		key, text, ok := strings.Cut(one, "=")
		if !ok {
			return nil, usageError{fmt.Sprintf("%q is not KEY=VALUE: write it like window=30m, or window= for its default", one)}
		}
		if !slices.ContainsFunc(known, func(k config.SourceKey) bool { return k.Name == key }) {
			names := make([]string, len(known))
			for i, k := range known {
				names[i] = k.Name
			}
			help := "the README lists the keys"
			if near := config.Closest(key, names); near != "" {
				help = "did you mean " + near + "?"
			}
			return nil, usageError{fmt.Sprintf("a source has no key %q: %s", key, help)}
		}
		var value any
		if err := yaml.Unmarshal([]byte(text), &value); err != nil {
			value = text
		}
		fields[key] = value
	}
	return fields, nil
}

type sourcesSetCmd struct {
	changing
	Name     string   `arg:"" help:"The source."`
	Fields   []string `arg:"" name:"key=value" optional:"" help:"Keys of the configuration file with their values; key= takes one back to its default." sep:"none"`
	Mapping  string   `help:"Another mapping; its text is kept." placeholder:"FILE"`
	Revision int64    `help:"Only if the source is still at this revision." placeholder:"N"`
}

// Run changes a source.
func (c *sourcesSetCmd) Run(ctx context.Context, t terminal) error {
	fields, err := assignments(c.Fields)
	if err != nil {
		return err
	}
	if c.Mapping != "" {
		text, err := readInput("--mapping", c.Mapping)
		if err != nil {
			return err
		}
		fields["mapping"] = string(text)
	}
	if len(fields) == 0 {
		return usageError{"nothing to set: give KEY=VALUE, such as window=30m"}
	}
	return c.with(ctx, func(d *desk) error {
		done, err := c.change(ctx, d, contract.Change{Action: contract.ActionSourceSet, Target: c.Name, Fields: fields, Revision: c.Revision})
		if err != nil {
			return err
		}
		return c.say(t, done, "has its new "+strings.Join(slices.Sorted(maps.Keys(fields)), ", "))
	})
}

// simple is a change that needs a name alone.
type simple struct {
	changing
	Name string `arg:"" help:"The source."`
}

func (c *simple) run(ctx context.Context, t terminal, action contract.Action, what string) error {
	return c.with(ctx, func(d *desk) error {
		done, err := c.change(ctx, d, contract.Change{Action: action, Target: c.Name})
		if err != nil {
			return err
		}
		return c.say(t, done, what)
	})
}

type sourcesEnableCmd struct{ simple }

// Run enables a source.
func (c *sourcesEnableCmd) Run(ctx context.Context, t terminal) error {
	return c.run(ctx, t, contract.ActionSourceEnable, "takes deliveries")
}

type sourcesDisableCmd struct{ simple }

// Help is what --help says below the flags' list.
func (*sourcesDisableCmd) Help() string {
	return "Senders are told 404 and may give up. To keep them trying, pause the source instead: nerve sources set NAME paused=true"
}

// Run disables a source.
func (c *sourcesDisableCmd) Run(ctx context.Context, t terminal) error {
	return c.run(ctx, t, contract.ActionSourceDisable, "is disabled")
}

type sourcesRemoveCmd struct{ simple }

// Run removes a source.
func (c *sourcesRemoveCmd) Run(ctx context.Context, t terminal) error {
	return c.run(ctx, t, contract.ActionSourceRemove, "is removed with its secrets")
}

type sourcesPurgeCmd struct{ simple }

// Run forgets the windows of a source.
func (c *sourcesPurgeCmd) Run(ctx context.Context, t terminal) error {
	return c.run(ctx, t, contract.ActionPurgeWindows, "begins anew, and takes nothing for a repeat")
}

type sourcesRotateCmd struct {
	changing
	newSecretFlags
	Name      string `arg:"" help:"The source."`
	NotBefore string `help:"The secret counts from then on, such as 2026-01-31T12:00:00Z." placeholder:"TIME"`
	NotAfter  string `help:"The secret counts until then." placeholder:"TIME"`
}

// Run adds a secret.
func (c *sourcesRotateCmd) Run(ctx context.Context, t terminal) error {
	if !c.Generate && c.Secret == "" {
		return usageError{"say where the new secret is: --secret FILE, --secret - for standard input, --secret env:NAME, or --generate"}
	}
	fields := map[string]any{}
	for key, v := range map[string]string{"not_before": c.NotBefore, "not_after": c.NotAfter} {
		if v != "" {
			fields[key] = v
		}
	}
	return c.with(ctx, func(d *desk) error {
		var source config.Source
		if c.Generate {
			var err error
			if source, err = d.stored(ctx, c.Name); err != nil {
				return err
			}
		}
		value, made, err := c.value(source)
		if err != nil {
			return err
		}
		done, err := c.change(ctx, d, contract.Change{Action: contract.ActionSecretAdd, Target: c.Name, Secret: value, Fields: fields})
		if err != nil {
			return err
		}
		done.Secret = made
		if err := c.say(t, done, "has a further secret, "+done.SecretID); err != nil || c.JSON || done.Approval != "" {
			return err
		}
		works := "The old secret and the new one both work now."
		if from, err := time.Parse(time.RFC3339, c.NotBefore); err == nil && from.After(time.Now()) {
			works = "The old secret works on, and the new one from " + c.NotBefore + "."
		}
		t.printf("\n%[2]s\n"+
			"1. Give the new secret to the sender.\n"+
			"2. nerve sources show %[1]s   says when each was used last, and when the old one is safe to remove.\n"+
			"3. nerve sources remove-secret %[1]s ID\n", c.Name, works)
		return nil
	})
}

type sourcesRemoveSecretCmd struct {
	changing
	Name  string `arg:"" help:"The source."`
	ID    string `arg:"" help:"The secret's id, as nerve sources show has it."`
	Force bool   `help:"Also when it was used within the last 7 days."`
}

// Run removes a secret.
func (c *sourcesRemoveSecretCmd) Run(ctx context.Context, t terminal) error {
	return c.with(ctx, func(d *desk) error {
		done, err := c.change(ctx, d, contract.Change{Action: contract.ActionSecretRemove, Target: c.Name, SecretID: c.ID, Force: c.Force})
		if err != nil {
			return err
		}
		return c.say(t, done, "does not take "+c.ID+" any more")
	})
}
