package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/nerve-alerts/nerve/internal/app"
	"github.com/nerve-alerts/nerve/internal/audit"
	"github.com/nerve-alerts/nerve/internal/config"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/devserver/state"
	"github.com/nerve-alerts/nerve/internal/explain"
	"github.com/nerve-alerts/nerve/internal/privacy"
	"github.com/nerve-alerts/nerve/internal/record"
)

// site is where a command works, besides the record.
type site struct {
	keyset        config.Secret
	ui, namespace string
	// config is of a deployed nerve; nil for the nerve dev that note is of, in dir.
	config *config.Config
	note   state.Note
	dir    string
}

// site finds what the record is of, as find does the record.
func (d *ledger) site(ctx context.Context) (site, error) {
	if d.State == "" {
		cfg, err := app.LoadConfig(config.Operator, d.Config)
		if err != nil {
			return site{}, err
		}
		if cfg.DatabaseURL.Reveal() != "" || d.Config != "" {
			return site{keyset: cfg.Keyset, ui: cfg.Temporal.UIURL, namespace: cfg.Temporal.Namespace, config: cfg}, nil
		}
	}
	note, err := findDev(ctx, d.State)
	if err != nil {
		return site{}, err
	}
	dir, err := state.Dir(d.State)
	if err != nil {
		return site{}, err
	}
	return site{keyset: config.Secret(note.Keyset), ui: note.TemporalUI, namespace: note.Namespace, note: note, dir: dir}, nil
}

// sealer opens what ingest sealed.
func (p site) sealer() (*privacy.Sealer, error) {
	if p.keyset.Reveal() == "" {
		return nil, usageError{"set NERVE_KEYSET or NERVE_KEYSET_FILE: the bytes of deliveries are encrypted"}
	}
	keys, err := privacy.ParseKeyset([]byte(p.keyset.Reveal()))
	if err != nil {
		return nil, err
	}
	return privacy.NewSealer(keys)
}

type deliveriesShowCmd struct {
	ledger
	by
	ID     string `arg:"" help:"Delivery id: from the list, or the answer's header X-Nerve-Delivery-Id."`
	Raw    bool   `help:"Write the bytes as they came, and nothing else. They are not scrubbed; the audit log has who saw them."`
	Output string `help:"Write the bytes to this file instead of standard output." placeholder:"FILE"`
}

// shown is what --json prints of a delivery.
type shown struct {
	contract.Delivery
	Raw   bool                `json:"raw"` // whether its bytes are kept
	Parts []contract.Delivery `json:"parts,omitempty"`
}

// Run shows one delivery.
func (c *deliveriesShowCmd) Run(ctx context.Context, t terminal) error {
	switch {
	case c.Output != "" && !c.Raw:
		return usageError{"--output goes with --raw"}
	case c.Raw && c.JSON:
		return usageError{"--raw writes the bytes and nothing else: leave --json out"}
	}
	return c.with(ctx, func(store *record.Store) error {
		if c.Raw {
			return c.raw(ctx, t, store)
		}
		in, err := explain.Gather(ctx, store, c.ID)
		if err != nil {
			return noDelivery(c.ID, err)
		}
		v := shown{Delivery: in.Delivery, Raw: len(in.Delivery.Sealed) > 0, Parts: in.Parts}
		v.Sealed = nil
		if c.JSON {
			return t.json(v)
		}
		v.print(t)
		return nil
	})
}

// actionRaw is the entry of the audit log, as the API has it too.
const actionRaw = "delivery.download"

// raw writes the bytes. Who sees them is in the audit log before they are seen.
func (c *deliveriesShowCmd) raw(ctx context.Context, t terminal, store *record.Store) error {
	actor, err := c.actor()
	if err != nil {
		return err
	}
	at, err := c.site(ctx)
	if err != nil {
		return err
	}
	sealer, err := at.sealer()
	if err != nil {
		return err
	}
	d, err := store.Delivery(ctx, c.ID)
	if err != nil {
		return noDelivery(c.ID, err)
	}
	if len(d.Sealed) == 0 {
		return errors.New("the bytes of this delivery are not kept: of what was not proved nothing is, and a signal's are with its delivery")
	}
	body, err := sealer.Open(d.Sealed, contract.SealContext(d.Source, d.ID))
	if err != nil {
		return err
	}
	_, err = store.AppendAudit(ctx, audit.Entry{
		Actor: actor, Action: actionRaw, Target: d.ID, Detail: map[string]string{"source": d.Source, "sha256": d.SHA256},
	})
	if err != nil {
		return err
	}
	if c.Output == "" {
		_, err = t.out.Write(body)
		return err
	}
	if err := os.WriteFile(c.Output, body, 0o600); err != nil {
		return fmt.Errorf("--output: %w", err)
	}
	t.printf("%d bytes of %s are in %s. They are as they came: not scrubbed.\n", len(body), d.ContentType, c.Output)
	return nil
}

// print shows a delivery to a person.
func (v *shown) print(t terminal) {
	row := func(name, value string) {
		if value != "" {
			t.printf("%-12s %s\n", name, value)
		}
	}
	row("Delivery", v.ID)
	row("Source", join(", ", v.Source, v.Provider))
	row("Received", join(" from ", v.ReceivedAt.UTC().Format(time.RFC3339Nano), v.RemoteIP))
	row("Answered", join(", ", fmt.Sprint(v.Status), string(v.Outcome), v.Reason, v.Code))
	row("Proof", join(", ", v.Assurance, v.Scheme, prefixed("secret ", v.SecretID)))
	row("Event", join(", ", v.EventType, v.EventID))
	row("Incident", v.IncidentID)
	row("Workflow", v.WorkflowID)
	row("Fingerprint", v.Fingerprint)
	row("Body", join(", ", fmt.Sprintf("%d bytes", v.Size), v.ContentType))
	row("SHA-256", v.SHA256)
	if v.Raw {
		row("Bytes", "kept: nerve deliveries show "+v.ID+" --raw")
	}
	if tr := v.Trace; tr != nil {
		trace(row, tr)
	}
	for name, value := range sorted(v.Headers) {
		row("Header", name+": "+value)
	}
	for _, p := range v.Parts {
		row(fmt.Sprintf("Signal %d", p.Part), join(", ", string(p.Outcome), p.Reason, p.IncidentID))
	}
	t.printf("\nWhy: nerve deliveries explain %s\n", v.ID)
}

// trace shows what decided.
func trace(row func(name, value string), tr *contract.Trace) {
	row("Key", join(", ", tr.Key, string(tr.KeyKind), prefixed("same by ", tr.Identity)))
	window := tr.Window
	if !tr.WindowEnd.IsZero() {
		window += fmt.Sprintf(", %s to %s", tr.WindowStart.UTC().Format(time.TimeOnly), tr.WindowEnd.UTC().Format(time.TimeOnly))
	}
	row("Window", window)
	row("Rule", tr.Rule)
	row("Handler", tr.Handler)
	row("Silence", tr.Silence)
	if tr.Limit > 0 {
		row("Limit", fmt.Sprintf("%d a minute", tr.Limit))
	}
	if tr.Local {
		row("Decided", "in ingest's memory, because Redis was away")
	}
	row("Replay of", tr.ReplayOf)
	if tr.NotKept > 0 {
		row("Not kept", fmt.Sprintf("%d before it", tr.NotKept))
	}
}

// join puts together what there is.
func join(with string, parts ...string) string {
	text := ""
	for _, p := range parts {
		if p == "" {
			continue
		}
		if text != "" {
			text += with
		}
		text += p
	}
	return text
}

func prefixed(prefix, value string) string {
	if value == "" {
		return ""
	}
	return prefix + value
}
