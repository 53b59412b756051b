package cli

import (
	"fmt"
	"strings"

	"github.com/nerve-alerts/nerve/providers"
)

type sourcesCmd struct {
	List         sourcesListCmd         `cmd:"" help:"List the sources, of the configuration file and of the database."`
	Show         sourcesShowCmd         `cmd:"" help:"Tell about one: its figures, its secrets and when each was used."`
	Health       sourcesHealthCmd       `cmd:"" help:"List what is wrong with senders: fell silent, fails verification, sends late."`
	Add          sourcesAddCmd          `cmd:"" help:"Add a source to the database."`
	Set          sourcesSetCmd          `cmd:"" help:"Change a source of the database."`
	Enable       sourcesEnableCmd       `cmd:"" help:"Let a source take deliveries again."`
	Disable      sourcesDisableCmd      `cmd:"" help:"Refuse every delivery to a source, with 404."`
	Rotate       sourcesRotateCmd       `cmd:"" help:"Add a secret beside those that a source has: all of them work."`
	RemoveSecret sourcesRemoveSecretCmd `cmd:"" help:"Remove a secret that no sender uses any more."`
	Remove       sourcesRemoveCmd       `cmd:"" help:"Remove a source with its secrets."`
	Purge        sourcesPurgeCmd        `cmd:"" help:"Forget which alerts of a source came before; at most once an hour."`
	Test         sourcesTestCmd         `cmd:"" help:"Sign a payload as the vendor would and deliver it to the source."`
	Providers    sourcesProvidersCmd    `cmd:"" help:"List the vendors that nerve knows, or tell about one."`
	New          sourcesNewCmd          `cmd:"" help:"Write a mapping for another, from a payload of its."`
}

type sourcesProvidersCmd struct {
	Name string `arg:"" optional:"" help:"Tell about this one: its docs, its secret, its schemes, its fixtures."`
	JSON bool   `help:"Print JSON."`
}

// vendor is what there is to know about a provider.
type vendor struct {
	Name     string         `json:"name"`
	Vendor   string         `json:"vendor"`
	Proof    string         `json:"proof"` // signed, token or weak
	Docs     string         `json:"docs,omitempty"`
	Secret   string         `json:"secret,omitempty"`
	Schemes  []vendorScheme `json:"schemes,omitempty"`
	Fixtures []string       `json:"fixtures"`
}

type vendorScheme struct {
	Name   string `json:"name"`
	Kind   string `json:"kind"`
	Header string `json:"header,omitempty"`
	Weak   bool   `json:"weak,omitempty"`
}

func describe(s providers.Spec) vendor {
	v := vendor{Name: s.Name, Vendor: s.Title, Proof: s.Proof(), Docs: s.Docs, Secret: s.SecretHelp, Fixtures: providers.FixtureNames(s.Name)}
	schemes, err := providers.Expand(s.Schemes)
	if err != nil {
		return v
	}
	for _, c := range schemes {
		header := c.Header
		if c.Query != "" {
			header = "?" + c.Query
		}
		name := c.Name
		if name == "" {
			name = string(c.Kind)
		}
		v.Schemes = append(v.Schemes, vendorScheme{Name: name, Kind: string(c.Kind), Header: header, Weak: c.Weak})
	}
	return v
}

// Run lists providers.
func (c *sourcesProvidersCmd) Run(t terminal) error {
	if c.Name != "" {
		spec, err := provider(c.Name)
		if err != nil {
			return err
		}
		if c.JSON {
			return t.json(describe(spec))
		}
		describe(spec).print(t)
		return nil
	}
	var all []vendor
	for _, s := range providers.All() {
		all = append(all, describe(s))
	}
	if c.JSON {
		return t.json(all)
	}
	rows := make([][]string, 0, len(all))
	for _, v := range all {
		rows = append(rows, []string{v.Name, oneLine(v.Vendor, 26), v.Proof, fmt.Sprint(len(v.Fixtures)), shortURL(v.Docs, 34)})
	}
	if err := t.table([]string{"NAME", "VENDOR", "PROOF", "FIXTURES", "DOCS"}, rows); err != nil {
		return err
	}
	t.printf("\nnerve sources providers NAME tells about one. Another vendor needs a mapping: nerve sources new.\n")
	return nil
}

// shortURL is a URL without its scheme, or its host where that is too long.
func shortURL(url string, n int) string {
	short := strings.TrimSuffix(strings.TrimPrefix(url, "https://"), "/")
	if len(short) <= n {
		return short
	}
	host, _, _ := strings.Cut(short, "/")
	return host + "/…"
}

func (v vendor) print(t terminal) {
	for _, row := range [][2]string{{"Name", v.Name}, {"Vendor", v.Vendor}, {"Docs", v.Docs}} {
		if row[1] != "" {
			t.printf("%-10s %s\n", row[0], row[1])
		}
	}
	t.wrapped("Secret", v.Secret)
	t.printf("%-10s %s\n", "Proof", v.Proof)
	for _, s := range v.Schemes {
		line := s.Name + ": " + s.Kind
		if s.Header != "" {
			line += " in " + s.Header
		}
		if s.Weak {
			line += " (weak: it needs --allow-weak)"
		}
		t.printf("%-10s   %s\n", "", line)
	}
	t.wrapped("Fixtures", strings.Join(v.Fixtures, ", "))
	t.printf("\nTry it:    nerve send %s\n", v.Name)
}

// wrapped prints a text behind its name, at most 100 columns wide.
func (t terminal) wrapped(name, text string) {
	for _, line := range wrapped(text, 88) {
		if line != "" {
			t.printf("%-10s %s\n", name, line)
		}
		name = ""
	}
}

type sourcesNewCmd struct {
	Name string `help:"What to call it: 1 to 40 of a-z, 0-9, _ and -." default:"my-source" placeholder:"NAME"`
	File string `help:"The payload; standard input by default." default:"-" placeholder:"FILE"`
}

// Help is what --help says below the flags' list.
func (*sourcesNewCmd) Help() string {
	return "Prints a mapping with guesses to read through: nerve sources new --name batch-jobs < payload.json > batch-jobs.yaml"
}

// Run writes a mapping.
func (c *sourcesNewCmd) Run(t terminal) error {
	body, err := readInput("the payload", c.File)
	if err != nil {
		return err
	}
	if _, known := providers.Lookup(c.Name); known {
		return usageError{fmt.Sprintf("--name: nerve knows %s already: use provider: %s, or choose another name", c.Name, c.Name)}
	}
	text, err := providers.Skeleton(c.Name, body)
	if err != nil {
		return usageError{plain(err)}
	}
	t.printf("%s", text)
	return nil
}
