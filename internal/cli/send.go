package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/nerve-alerts/nerve/internal/devserver/state"
	"github.com/nerve-alerts/nerve/internal/sender"
	"github.com/nerve-alerts/nerve/providers"
)

type sendCmd struct {
	Provider string  `arg:"" help:"Who to be: ${providers}."`
	Fixture  string  `help:"One of the provider's own payloads; the first when neither this nor --file is given." xor:"body"`
	File     string  `help:"A payload of yours; - is standard input." xor:"body"`
	List     bool    `help:"List the provider's fixtures and stop."`
	Source   string  `help:"The source to send to; the provider's name by default."`
	URL      string  `help:"The source's URL; where nerve dev listens by default."`
	Secret   string  `help:"A file with the secret to sign with, or - for standard input; nerve dev's own by default."`
	Count    int     `default:"1" help:"How many deliveries: the same alert again, as a new event each time."`
	Rate     float64 `help:"Deliveries a second; as fast as they are answered by default."`
	Distinct bool    `help:"Make each delivery another alert instead of a repeat."`
	Repeat   bool    `help:"Deliver the very same request each time, as a vendor's retry does."`
	Tamper   bool    `help:"Change a byte after signing: it must be refused."`
	Stale    bool    `help:"Sign with a time an hour ago: it must be refused."`
	State    string  `help:"The state directory of nerve dev." placeholder:"DIR"`
	JSON     bool    `help:"Print one JSON object a delivery."`
}

// Run sends. It fails when a delivery is not answered with 2xx, unless it was
// spoilt on purpose: then it fails when one is.
func (c *sendCmd) Run(ctx context.Context, t terminal) error {
	spec, ok := providers.Lookup(c.Provider)
	if !ok {
		return usageError{fmt.Sprintf("no provider %q: there are %s", c.Provider, providerNames())}
	}
	if c.List {
		for _, name := range providers.FixtureNames(c.Provider) {
			t.printf("%s\n", name)
		}
		return nil
	}
	opts, err := c.options(spec)
	if err != nil {
		return err
	}
	return c.send(ctx, t, opts)
}

func (c *sendCmd) options(spec providers.Spec) (sender.Options, error) {
	body, err := c.body(spec)
	if err != nil {
		return sender.Options{}, err
	}
	o := sender.Options{
		URL: c.URL, Provider: c.Provider, Body: body, Count: c.Count, Rate: c.Rate,
		Tamper: c.Tamper, Stale: c.Stale, Repeat: c.Repeat, Distinct: c.Distinct,
	}
	source := c.Source
	if source == "" {
		source = c.Provider
	}
	dev, err := state.Read(c.State)
	if err != nil && (c.URL == "" || c.Secret == "") {
		return o, usageError{fmt.Sprintf("%v; start nerve dev first, or name --url and --secret", err)}
	}
	if o.URL == "" {
		o.URL = dev.SourceURL(source)
	}
	if c.Secret == "" {
		o.Secret = dev.Secrets[source]
		if o.Secret == "" {
			return o, usageError{fmt.Sprintf("nerve dev has no source %q: name --secret", source)}
		}
	} else {
		secret, err := readInput(c.Secret)
		if err != nil {
			return o, usageError{"--secret: " + err.Error()}
		}
		o.Secret = strings.TrimSpace(string(secret))
	}
	if c.Provider == "slack" && c.URL == "" && dev.SlackImport != "" {
		o.Before = importer(dev.SlackImport)
	}
	return o, nil
}

func (c *sendCmd) body(spec providers.Spec) ([]byte, error) {
	if c.File != "" {
		body, err := readInput(c.File)
		if err != nil {
			return nil, usageError{"--file: " + err.Error()}
		}
		return body, nil
	}
	name := c.Fixture
	if name == "" {
		name = spec.Fixtures[0]
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
			return fmt.Errorf("the Slack stand-in does not answer: %w", err)
		}
		defer func() { _ = resp.Body.Close() }()
		_, err = io.Copy(io.Discard, resp.Body)
		return err
	}
}

func (c *sendCmd) send(ctx context.Context, t terminal, o sender.Options) error {
	wantRefused := c.Tamper || c.Stale
	wrong := 0
	tally := map[string]int{}
	err := sender.Send(ctx, o, func(r sender.Result) {
		accepted := r.Status >= 200 && r.Status < 300
		if accepted == wantRefused {
			wrong++
		}
		tally[outcome(r)]++
		if c.JSON {
			line, err := json.Marshal(r)
			if err == nil {
				t.printf("%s\n", line)
			}
			return
		}
		if c.Count <= 10 {
			t.printf("%3d  %d  %6s  %s\n", r.N, r.Status, r.Latency.Round(100*time.Microsecond), oneLine(r.Body, 80))
		}
	})
	if err != nil {
		return err
	}
	if c.Count > 10 && !c.JSON {
		for name, n := range sorted(tally) {
			t.printf("%6d  %s\n", n, name)
		}
	}
	if wrong > 0 {
		return fmt.Errorf("%d of %d deliveries were not answered as they should be", wrong, c.Count)
	}
	return nil
}

// outcome is what became of a delivery, in a word or two: the status of the
// body, or the code of a problem.
func outcome(r sender.Result) string {
	var body struct {
		Status any    `json:"status"`
		Code   string `json:"code"`
	}
	if json.Unmarshal([]byte(r.Body), &body) != nil {
		return fmt.Sprintf("%d", r.Status)
	}
	if body.Code != "" {
		return fmt.Sprintf("%d %s", r.Status, body.Code)
	}
	return fmt.Sprintf("%d %v", r.Status, body.Status)
}

func providerNames() string {
	var names []string
	for _, s := range providers.All() {
		names = append(names, s.Name)
	}
	return strings.Join(names, ", ")
}
