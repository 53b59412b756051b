package devserver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"go.temporal.io/api/namespace/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/temporal"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/temporalx"
)

const (
	readyTimeout = 30 * time.Second // measured: under 2 s on two busy cores
	readyPoll    = 20 * time.Millisecond
)

// TemporalOptions say what to start.
type TemporalOptions struct {
	// Dir is where the database is kept; it is made when missing and locked
	// against other processes. Empty keeps everything in memory.
	Dir string
	// Fresh forgets what Dir holds before it starts.
	Fresh bool
	// Port is the frontend's; 0 takes a free one.
	Port int
	// UIPort is the web UI's; 0 takes a free one, a negative one starts no UI.
	UIPort int
	// Namespace is made when missing: temporalx.DefaultNamespace when empty.
	Namespace string
	// Retention is how long closed workflows are kept at least:
	// contract.Retention when zero. It is never lowered, because that would
	// delete history; the server accepts no less than an hour.
	Retention time.Duration
	// SearchAttributes are keywords that workflows may carry.
	SearchAttributes []string
	// CodecEndpoint is the URL that the UI sends payloads to for decryption;
	// empty shows them encrypted.
	CodecEndpoint string
	// Logger gets warnings and errors of the server; discards when nil.
	Logger *slog.Logger
}

// Temporal is a running server.
type Temporal struct {
	address string
	server  temporal.Server
	ui      *ui // nil without
	lock    *os.File
	logger  *serverLogger

	stop    sync.Once
	stopped chan struct{}
	err     error
}

// StartTemporal starts a server and returns when it takes workflows. It fails
// when a port or the directory is in use, and when the database is not one that
// this version of Temporal wrote; each error says what to do.
func StartTemporal(ctx context.Context, opts TemporalOptions) (_ *Temporal, err error) {
	opts.Namespace = cmp.Or(opts.Namespace, temporalx.DefaultNamespace)
	opts.Retention = cmp.Or(opts.Retention, contract.Retention)
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	t := &Temporal{logger: newServerLogger(opts.Logger), stopped: make(chan struct{})}
	defer func() {
		if err != nil {
			_ = t.Close(context.WithoutCancel(ctx))
		}
	}()
	store, err := t.openStore(ctx, opts)
	if err != nil {
		return nil, err
	}
	if err := t.startServer(store, opts); err != nil {
		return nil, err
	}
	if err := prepare(ctx, t.address, opts); err != nil {
		return nil, err
	}
	return t, nil
}

// openStore locks the directory and makes the database ready.
func (t *Temporal) openStore(ctx context.Context, opts TemporalOptions) (store *config.SQL, err error) {
	if opts.Dir == "" {
		store = memoryStore()
	} else {
		if t.lock, err = lockDir(opts.Dir); err != nil {
			return nil, err
		}
		if store, err = fileStore(ctx, opts.Dir, opts.Fresh); err != nil {
			return nil, err
		}
	}
	return store, createNamespace(store, opts.Namespace, opts.Retention, opts.SearchAttributes)
}

// startServer starts the UI too: its port is bound first, because that is the
// cheaper thing to fail at.
func (t *Temporal) startServer(store *config.SQL, opts TemporalOptions) error {
	var err error
	if opts.UIPort >= 0 {
		if t.ui, err = bindUI(opts.UIPort); err != nil {
			return err
		}
	}
	srv, ports, err := newServer(store, opts.Port, t.logger)
	if err != nil {
		return err
	}
	t.server, t.address = srv, hostPort(ports.frontend)
	if err := catchFatal(srv.Start); err != nil {
		return fmt.Errorf("devserver: start Temporal server: %w", err)
	}
	if t.ui != nil {
		return t.ui.serve(t.address, opts.Namespace, opts.CodecEndpoint, opts.Logger)
	}
	return nil
}

// Address is the host:port that clients and workers connect to.
func (t *Temporal) Address() string { return t.address }

// UIURL is the address of the web UI, empty when there is none.
func (t *Temporal) UIURL() string {
	if t.ui == nil {
		return ""
	}
	return t.ui.url
}

// Close stops the UI and the server and gives up the directory. It returns early
// with the context's error when ctx ends; the server goes on stopping. Every
// call after the first waits for the same stop and returns its result.
func (t *Temporal) Close(ctx context.Context) error {
	t.stop.Do(func() { go t.shutDown() })
	select {
	case <-t.stopped:
		return t.err
	case <-ctx.Done():
		return fmt.Errorf("devserver: stop Temporal server: %w", ctx.Err())
	}
}

func (t *Temporal) shutDown() {
	defer close(t.stopped)
	t.logger.quiet.Store(true)
	var errs []error
	if t.ui != nil {
		errs = append(errs, t.ui.close())
	}
	if t.server != nil {
		errs = append(errs, t.server.Stop())
	}
	if t.lock != nil {
		errs = append(errs, t.lock.Close())
	}
	if err := errors.Join(errs...); err != nil {
		t.err = fmt.Errorf("devserver: stop Temporal server: %w", err)
	}
}

// prepare waits until the server answers and brings an older database up to what
// was asked for.
func prepare(ctx context.Context, address string, opts TemporalOptions) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	c, err := dial(ctx, address, opts.Namespace)
	if err != nil {
		return err
	}
	defer c.Close()
	err = temporalx.Prepare(ctx, c, opts.Namespace, opts.SearchAttributes, opts.Retention)
	if _, short := errors.AsType[*temporalx.RetentionError](err); !short {
		return err
	}
	_, err = c.WorkflowService().UpdateNamespace(ctx, &workflowservice.UpdateNamespaceRequest{
		Namespace: opts.Namespace,
		Config:    &namespace.NamespaceConfig{WorkflowExecutionRetentionTtl: durationpb.New(opts.Retention)},
	})
	if err != nil {
		return fmt.Errorf("devserver: raise retention of namespace %q to %s: %w", opts.Namespace, opts.Retention, err)
	}
	return nil
}

// dial connects as soon as the frontend answers for the namespace.
func dial(ctx context.Context, address, ns string) (client.Client, error) {
	tick := time.NewTicker(readyPoll)
	defer tick.Stop()
	for {
		c, err := temporalx.Dial(ctx, temporalx.Options{Address: address, Namespace: ns})
		if err == nil {
			return c, nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("devserver: wait for Temporal server: %w", errors.Join(ctx.Err(), err))
		case <-tick.C:
		}
	}
}
