package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/nerve-alerts/nerve/internal/capture"
	"github.com/nerve-alerts/nerve/internal/config"
	"github.com/nerve-alerts/nerve/internal/sender"
	"github.com/nerve-alerts/nerve/providers"
)

type sendCmd struct {
	Provider string    `arg:"" help:"Who to be; nerve sources providers lists them."`
	Fixture  string    `help:"One of the provider's own payloads; the first when neither this nor --file is given." placeholder:"NAME" xor:"body"`
	File     string    `help:"A payload of yours; - is standard input." placeholder:"FILE" xor:"body"`
	List     bool      `help:"List the provider's fixtures and stop."`
	Source   string    `help:"The source to send to; the provider's name by default." placeholder:"NAME"`
	URL      string    `help:"The source's URL; where nerve dev listens by default." placeholder:"URL"`
	Secret   string    `help:"Where the secret to sign with is: a file, - or env:NAME; nerve dev's own by default. Where a vendor publishes a key, it is the private one, in PEM." placeholder:"WHERE"`
	Scheme   string    `help:"Which of the vendor's schemes to sign by; the strongest by default." placeholder:"NAME"`
	Header   []string  `help:"A further header; repeat it for each. {uuid} in it is new for each delivery." placeholder:"'Name: value'" sep:"none"`
	Count    count     `default:"1" help:"How many deliveries, 1 by default: the same alert again, as a new event each time." placeholder:"N"`
	Rate     perSecond `help:"Deliveries a second; as fast as they are answered by default." placeholder:"N"`
	Distinct bool      `help:"Make each delivery another alert instead of a repeat." xor:"again"`
	Repeat   bool      `help:"Deliver the very same request each time, as a vendor's retry does." xor:"again"`
	Tamper   bool      `help:"Change a byte after signing: it must be refused."`
	Stale    bool      `help:"Sign with a time two hours ago: it must be refused."`
	State    string    `help:"The state directory of nerve dev." placeholder:"DIR"`
	JSON     bool      `help:"Print one JSON object a delivery."`
}

// Run sends. It fails when a delivery is not answered with 2xx; when it was
// spoilt on purpose, when it is not refused as unproved.
func (c *sendCmd) Run(ctx context.Context, t terminal) error {
	spec, err := provider(c.Provider)
	if err != nil {
		return err
	}
	if c.List {
		for _, name := range providers.FixtureNames(c.Provider) {
			t.printf("%s\n", name)
		}
		return nil
	}
	opts, err := c.options(ctx, spec)
	if err != nil {
		return err
	}
	return c.send(ctx, t, spec, opts)
}

func (c *sendCmd) options(ctx context.Context, spec providers.Spec) (sender.Options, error) {
	if c.File == "-" && c.Secret == "-" {
		return sender.Options{}, usageError{"--file and --secret cannot both be standard input"}
	}
	if c.URL != "" && c.Secret != "" && (c.Source != "" || c.State != "") {
		return sender.Options{}, usageError{"--source and --state say where nerve dev is: leave them out with --url and --secret"}
	}
	body, err := c.body(spec)
	if err != nil {
		return sender.Options{}, err
	}
	o := sender.Options{
		URL: c.URL, Provider: c.Provider, Body: body, Count: int(c.Count), Rate: float64(c.Rate),
		Tamper: c.Tamper, Stale: c.Stale, Repeat: c.Repeat, Distinct: c.Distinct,
	}
	if o.Header, err = c.header(spec); err != nil {
		return o, err
	}
	if c.Scheme != "" {
		o.Schemes = []string{c.Scheme}
	}
	if c.Secret != "" {
		if o.Secret, err = readSecret("--secret", c.Secret); err != nil {
			return o, err
		}
	}
	if c.URL != "" && c.Secret != "" {
		return o, nil
	}
	return o, c.toDev(ctx, &o)
}

// toDev fills in what nerve dev knows: where its source is, and its secret.
func (c *sendCmd) toDev(ctx context.Context, o *sender.Options) error {
	dev, err := findDev(ctx, c.State)
	if err != nil {
		return fmt.Errorf("%w, or give --url and --secret", err)
	}
	source := c.Source
	if source == "" {
		source = c.Provider
	}
	secret, known := dev.Secrets[source]
	if !known {
		return usageError{fmt.Sprintf("nerve dev has no source %q: %s", source, sourceHelp(source, slices.Sorted(maps.Keys(dev.Secrets))))}
	}
	if o.Secret == "" {
		o.Secret = secret
	}
	if o.URL != "" {
		return nil
	}
	o.URL = dev.SourceURL(source)
	// What is spoilt on purpose is nobody's message.
	if c.Provider == "slack" && dev.SlackImport != "" && !c.Tamper && !c.Stale {
		o.Before = importer(dev.SlackImport)
	}
	return nil
}

// fewNames can be read in one line of a terminal.
const fewNames = 12

// sourceHelp names the sources, or where they are too many, the one that was meant.
func sourceHelp(name string, known []string) string {
	if len(known) <= fewNames {
		return "it has " + strings.Join(known, ", ")
	}
	if near := config.Closest(name, known); near != "" {
		return fmt.Sprintf("did you mean %s? It has %d sources, one for each provider that it knows", near, len(known))
	}
	return fmt.Sprintf("it has %d, one for each provider that it knows (nerve sources providers)", len(known))
}

// header is what the vendor sends with the fixture, and what --header says.
func (c *sendCmd) header(spec providers.Spec) (http.Header, error) {
	name := ""
	if c.File == "" {
		name = c.fixture(spec)
	}
	h := providers.FixtureHeader(spec.Name, name)
	for _, line := range c.Header {
		name, value, err := capture.Header(line)
		if err != nil {
			return nil, usageError{"--header: " + err.Error()}
		}
		h.Set(name, value)
	}
	return h, nil
}

// fixture is the name of the payload that is sent, or "" where there is none.
func (c *sendCmd) fixture(spec providers.Spec) string {
	if c.Fixture == "" && len(spec.Fixtures) > 0 {
		return spec.Fixtures[0]
	}
	return c.Fixture
}

func (c *sendCmd) body(spec providers.Spec) ([]byte, error) {
	if c.File != "" {
		return readInput("--file", c.File)
	}
	name := c.fixture(spec)
	if name == "" {
		return nil, usageError{spec.Name + " has no fixture: give a payload with --file"}
	}
	body, err := providers.Fixture(spec.Name, name)
	if err != nil {
		return nil, usageError{fmt.Sprintf("%s has no fixture %q: it has %s", spec.Name, name, strings.Join(providers.FixtureNames(spec.Name), ", "))}
	}
	return body, nil
}

// importer makes the Slack stand-in know a message before nerve reacts to it,
// as the real Slack would.
func importer(url string) func(context.Context, []byte) error {
	return func(ctx context.Context, body []byte) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return fmt.Errorf("the Slack stand-in of nerve dev does not answer: %w", err)
		}
		defer func() { _ = resp.Body.Close() }()
		_, err = io.Copy(io.Discard, resp.Body)
		return err
	}
}

// shownOneByOne is how many deliveries are printed a line each; of more there is
// a tally.
const shownOneByOne = 10

func (c *sendCmd) send(ctx context.Context, t terminal, spec providers.Spec, o sender.Options) error {
	done, wrong := 0, 0
	tally := map[string]int{}
	err := sender.Send(ctx, o, func(r sender.Result) {
		done++
		if !c.asItShould(spec, r) {
			wrong++
		}
		tally[fmt.Sprintf("%d %s", r.Status, r.Outcome())]++
		if c.JSON {
			line, err := json.Marshal(r)
			if err == nil {
				t.printf("%s\n", line)
			}
			return
		}
		if c.Count <= shownOneByOne {
			t.printf("%3d  %d  %6s  %s\n", r.N, r.Status, r.Latency.Round(100*time.Microsecond), oneLine(r.Body, 80))
		}
	})
	if c.Count > shownOneByOne && !c.JSON {
		for name, n := range sorted(tally) {
			t.printf("%6d  %s\n", n, name)
		}
	}
	if err != nil && done > 0 {
		return fmt.Errorf("%w (after %d of %d deliveries)", err, done, c.Count)
	}
	if err != nil {
		return err
	}
	if wrong > 0 && (c.Tamper || c.Stale) {
		return fmt.Errorf("%d of %d spoilt deliveries were not refused as unproved (401)", wrong, c.Count)
	}
	if wrong > 0 {
		return fmt.Errorf("%d of %d deliveries were not accepted", wrong, c.Count)
	}
	return nil
}

// asItShould reports whether a delivery was answered as it should be. A spoilt
// one must be refused for its proof: a 404 or a 500 would have been the answer to
// a good one too.
func (c *sendCmd) asItShould(spec providers.Spec, r sender.Result) bool {
	switch {
	case !c.Tamper && !c.Stale:
		return r.Accepted()
	case c.Stale && !c.Tamper && r.Status == spec.StaleStatus:
		return true
	default:
		return r.Status == http.StatusUnauthorized || r.Status == http.StatusForbidden
	}
}
