package dev

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/nerve-alerts/nerve/internal/api"
	"github.com/nerve-alerts/nerve/internal/app"
	"github.com/nerve-alerts/nerve/internal/app/back"
	"github.com/nerve-alerts/nerve/internal/config"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/devserver"
	"github.com/nerve-alerts/nerve/internal/devserver/state"
	"github.com/nerve-alerts/nerve/internal/privacy"
	"github.com/nerve-alerts/nerve/internal/slackstand"
	"github.com/nerve-alerts/nerve/providers"
)

const loopback = "127.0.0.1"

// AlertsChannel is the stand-in's channel for alerts.
const AlertsChannel = "C0ALERTS01"

// Engineer is a person whom the stand-in knows from the start.
const Engineer = "U0ENGINEER"

// Options of nerve dev. A port of 0 takes a free one.
type Options struct {
	State  string // "" is the default under the user's state directory
	Fresh  bool   // forget what the state directory holds
	Config string // configuration file for sources of one's own, or ""
	Demo   bool   // the demo will be played: refuse at once what it cannot be played on

	Port, TemporalPort, UIPort, SlackPort, WorkerPort int

	Logger *slog.Logger
	Now    func() time.Time
}

// Dev is a running nerve dev.
type Dev struct {
	Note  state.Note
	Dir   string
	Stand *slackstand.Server // nil when it talks to the real Slack

	log    *slog.Logger
	cfg    *config.Config
	config string   // the file that cfg was read from, or ""
	closes []func() // in the order in which they were opened
	runs   []func(context.Context) error
}

// Start starts everything; Run then serves until its context ends. When Start
// fails, whatever it had started is stopped again.
func Start(ctx context.Context, o Options) (_ *Dev, err error) {
	d := &Dev{log: o.Logger}
	defer func() {
		if err != nil {
			d.close()
		}
	}()
	if d.Dir, err = state.Dir(o.State); err != nil {
		return nil, err
	}
	if d.cfg, err = app.LoadConfig(config.Dev, o.Config); err != nil {
		return nil, err
	}
	if o.Config != "" {
		if d.config, err = filepath.Abs(o.Config); err != nil {
			return nil, err
		}
	}
	if o.Demo && d.cfg.Slack.BotToken.Reveal() != "" {
		return nil, config.Errors{{Key: "SLACK_BOT_TOKEN", Problem: "is set, and the demo plays on the Slack stand-in", Fix: "Unset it for the demo"}}
	}
	listeners, err := d.listen(ctx, o)
	if err != nil {
		return nil, err
	}
	if err := d.temporal(ctx, o, listeners.worker); err != nil {
		return nil, err
	}
	secrets, err := d.secrets(o.Fresh)
	if err != nil {
		return nil, err
	}
	if err := d.redis(ctx); err != nil {
		return nil, err
	}
	if err := d.slack(o, secrets, listeners); err != nil {
		return nil, err
	}
	fill(d.cfg, d.Dir, secrets.Keyset, secrets.Sources, url(listeners.ingest), d.Stand != nil)
	d.approvals()
	if err := d.programs(ctx, &secrets, listeners); err != nil {
		return nil, err
	}
	d.note(secrets, listeners)
	if err := state.Write(d.Dir, d.Note); err != nil {
		return nil, err
	}
	d.onClose(func() {
		if err := state.Remove(d.Dir); err != nil {
			d.log.Warn("the note of where nerve dev is was not removed", "error", err)
		}
	})
	return d, nil
}

// Run serves until ctx ends, then stops in the order of an alert's way: ingest
// finishes its requests, then the worker what it has in hand, then the servers.
func (d *Dev) Run(ctx context.Context) error {
	defer d.close()
	ended := make(chan error, len(d.runs))
	cancels := make([]context.CancelFunc, len(d.runs))
	for i, run := range d.runs {
		own, cancel := context.WithCancel(context.WithoutCancel(ctx))
		cancels[i] = cancel
		defer cancel()
		go func() { ended <- run(own) }()
	}
	var errs []error
	left := len(d.runs)
	select {
	case <-ctx.Done():
	case err := <-ended:
		left--
		errs = append(errs, fmt.Errorf("dev: a part stopped by itself: %w", errors.Join(err)))
	}
	for i := range cancels {
		cancels[i]()
		if left > 0 {
			errs = append(errs, <-ended)
			left--
		}
	}
	return errors.Join(errs...)
}

func (d *Dev) onClose(f func()) { d.closes = append(d.closes, f) }

func (d *Dev) close() {
	for _, f := range slices.Backward(d.closes) {
		f()
	}
	d.closes = nil
}

func (d *Dev) temporal(ctx context.Context, o Options, worker net.Listener) error {
	t, err := devserver.StartTemporal(ctx, devserver.TemporalOptions{
		Dir: d.Dir, Fresh: o.Fresh, Port: o.TemporalPort, UIPort: o.UIPort,
		Retention: contract.Retention, SearchAttributes: contract.SearchAttributes,
		CodecEndpoint: url(worker) + "/codec", Logger: d.log,
	})
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%w; the flags are --temporal-port and --ui-port, and --free-ports for everything", err)
	}
	if err != nil {
		return err
	}
	d.onClose(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 15*time.Second)
		defer cancel()
		if err := t.Close(ctx); err != nil {
			d.log.Warn("temporal did not stop cleanly", "error", err)
		}
	})
	d.cfg.Temporal = config.Temporal{Address: t.Address(), Namespace: "default", UIURL: t.UIURL()}
	return nil
}

// secrets loads what the state directory is encrypted with. Temporal holds the
// directory's lock by now, so nobody else is at it.
func (d *Dev) secrets(fresh bool) (state.Secrets, error) {
	if fresh {
		for _, pattern := range []string{"nerve.db*", "secrets.json", "slack.json*", "slack.journal*", outputs} {
			files, err := filepath.Glob(filepath.Join(d.Dir, pattern))
			if err != nil {
				return state.Secrets{}, err
			}
			for _, f := range files {
				if err := os.RemoveAll(f); err != nil {
					return state.Secrets{}, fmt.Errorf("dev: forget the former state: %w", err)
				}
			}
		}
	}
	return state.LoadSecrets(d.Dir, providers.Names(), func() (string, error) {
		k, err := privacy.GenerateKeyset()
		if err != nil {
			return "", err
		}
		raw, err := k.Export()
		return string(raw), err
	}, newSecret)
}

func (d *Dev) redis(ctx context.Context) error {
	r, err := devserver.StartRedis(ctx, devserver.RedisOptions{})
	if err != nil {
		return err
	}
	d.onClose(r.Close)
	d.cfg.RedisURL = config.Secret(r.URL())
	return nil
}

// slack starts the stand-in, unless there is a token for the real Slack.
func (d *Dev) slack(o Options, s state.Secrets, l listeners) error {
	if d.cfg.Slack.BotToken.Reveal() != "" {
		return l.slack.Close()
	}
	stand, err := slackstand.New(slackstand.Options{
		Token: s.SlackToken, SigningSecret: s.Sources["slack"], EventsURL: url(l.ingest) + "/slack/events",
		InteractiveURL: url(l.ingest) + "/slack/interactive",
		Users:          []slackstand.User{{ID: slackstand.Composer, Name: "you"}, {ID: Engineer, Name: "engineer"}},
		Channels:       []slackstand.Channel{{ID: AlertsChannel, Name: "alerts", Topic: "Where alerts come in and nerve answers"}},
		RetryDelays:    slackstand.SlackRetryDelays(), Echo: true, Dir: d.Dir, BaseURL: url(l.slack), Now: o.Now, Logger: d.log,
	})
	if err != nil {
		return err
	}
	server := &http.Server{Handler: stand.Handler(), ReadHeaderTimeout: 5 * time.Second}
	go func() {
		if err := server.Serve(l.slack); !errors.Is(err, http.ErrServerClosed) {
			d.log.Error("the Slack stand-in stopped", "error", err)
		}
	}()
	d.onClose(func() {
		_ = server.Close()
		if err := stand.Close(); err != nil {
			d.log.Warn("the Slack stand-in did not keep its state", "error", err)
		}
	})
	d.Stand = stand
	d.cfg.Slack.BotToken = config.Secret(s.SlackToken)
	d.cfg.Slack.APIURL = url(l.slack) + "/api/"
	return nil
}

// newSecret makes a secret that the provider's strongest scheme can sign with.
func newSecret(provider string) (string, error) {
	spec, _ := providers.Lookup(provider)
	schemes, err := providers.Expand(spec.Schemes)
	if err != nil || len(schemes) == 0 {
		return "", fmt.Errorf("dev: %s has no scheme to make a secret for: %w", provider, err)
	}
	seed := make([]byte, 32)
	_, _ = rand.Read(seed) // never fails: it ends the program instead
	return schemes[0].NewSecret(seed)
}

// programs builds ingest and worker, which Run then runs in this order of stopping.
func (d *Dev) programs(ctx context.Context, secrets *state.Secrets, l listeners) error {
	core, err := app.Connect(d.cfg, app.Options{Logger: d.log})
	if err != nil {
		return err
	}
	d.onClose(func() { core.Close(ctx) })
	if err := core.Prepare(ctx); err != nil {
		return err
	}
	in, err := app.NewIngest(core)
	if err != nil {
		return err
	}
	worker, err := back.New(ctx, core, back.Options{Listener: l.worker, LoopbackCodec: true})
	if err != nil {
		return err
	}
	if secrets.APIToken, err = worker.DevToken(ctx, secrets.APIToken, person()); err != nil {
		return err
	}
	if err := state.SaveSecrets(d.Dir, *secrets); err != nil {
		return err
	}
	d.runs = append(d.runs, func(ctx context.Context) error { return in.Serve(ctx, l.ingest) })
	if token := d.cfg.Slack.AppToken.Reveal(); token != "" {
		d.runs = append([]func(context.Context) error{d.socketMode(token, url(l.ingest))}, d.runs...)
	}
	d.runs = append(d.runs, worker.Run)
	return nil
}

func (d *Dev) note(s state.Secrets, l listeners) {
	d.Note = state.Note{
		PID: os.Getpid(), IngestURL: url(l.ingest), Temporal: d.cfg.Temporal.Address,
		Namespace: d.cfg.Temporal.Namespace, TemporalUI: d.cfg.Temporal.UIURL,
		Config: d.config, Redis: d.cfg.RedisURL.Reveal(), Database: d.cfg.DatabaseURL.Reveal(),
		Secrets: map[string]string{}, Providers: map[string]string{}, Keyset: s.Keyset,
		APIURL: url(l.worker) + api.Prefix, APIToken: s.APIToken,
	}
	for _, src := range d.cfg.Sources {
		secret := ""
		if len(src.Secrets) > 0 { // schemes: [none] has none
			secret = src.Secrets[0].Value.Reveal()
		}
		d.Note.Secrets[src.Name] = secret
		if src.Provider != src.Name {
			d.Note.Providers[src.Name] = src.Provider
		}
	}
	a := d.cfg.Approvals
	d.Note.SingleOperator, d.Note.ApprovalsChannel, d.Note.ApprovalsDeadline = a.SingleOperator, a.Channel, a.Deadline
	if !a.Anybody {
		d.Note.People = d.cfg.People
	}
	if d.Stand != nil {
		d.Note.ChannelURL = url(l.slack) + "/channel/" + AlertsChannel
		d.Note.SlackImport = url(l.slack) + "/_control/import"
	}
}

// person is who works with this nerve dev: whoever runs it.
func person() string {
	u, err := user.Current()
	if err != nil || u.Username == "" {
		return "dev"
	}
	return u.Username
}

func url(l net.Listener) string { return "http://" + l.Addr().String() }

// DefaultDir reports whether the state is where other commands look by themselves.
func (d *Dev) DefaultDir() bool {
	dir, err := state.Dir("")
	return err == nil && dir == d.Dir
}
