package temporalx

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/log"
)

// DefaultNamespace is the namespace that is meant when none is named.
const DefaultNamespace = "default"

// Options say how to reach a Temporal server.
type Options struct {
	Address   string // host:port of the frontend; required
	Namespace string // DefaultNamespace when empty
	// APIKey is sent with every call. With a key and no TLS configuration the
	// connection uses TLS with the system's roots: a key never travels in the clear.
	APIKey string
	// TLS is how to verify the server and, for mutual TLS, who we are. Nil
	// without an APIKey means plain text.
	TLS *tls.Config
	// DataConverter and FailureConverter encrypt what the client stores. Nil
	// means the SDK's own, which store in the clear.
	DataConverter    converter.DataConverter
	FailureConverter converter.FailureConverter
	Logger           *slog.Logger // discards when nil
}

// Dial connects and asks the server for its capabilities, so a wrong address or
// a refused key is found here. The connection is tried for five seconds (the
// SDK's own limit) or until ctx ends. The caller closes the client.
func Dial(ctx context.Context, opts Options) (client.Client, error) {
	if opts.Address == "" {
		return nil, errors.New("temporalx: no server address")
	}
	logger := opts.Logger
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	c, err := client.DialContext(ctx, clientOptions(opts, logger))
	if err != nil {
		return nil, fmt.Errorf("temporalx: connect to %s: %w", opts.Address, err)
	}
	return c, nil
}

// clientOptions leaves the SDK's default wherever nothing was asked for.
func clientOptions(opts Options, logger *slog.Logger) client.Options {
	out := client.Options{
		HostPort:          opts.Address,
		Namespace:         cmp.Or(opts.Namespace, DefaultNamespace),
		Logger:            log.NewStructuredLogger(logger),
		DataConverter:     opts.DataConverter,
		FailureConverter:  opts.FailureConverter,
		ConnectionOptions: client.ConnectionOptions{TLS: opts.TLS},
	}
	if opts.APIKey != "" {
		out.Credentials = client.NewAPIKeyStaticCredentials(opts.APIKey)
	}
	return out
}

// Lazy returns a client that connects when it is first used, so that a program
// can start while the server is away. Only wrong options are found here.
func Lazy(opts Options) (client.Client, error) {
	if opts.Address == "" {
		return nil, errors.New("temporalx: no server address")
	}
	logger := opts.Logger
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	c, err := client.NewLazyClient(clientOptions(opts, logger))
	if err != nil {
		return nil, fmt.Errorf("temporalx: client for %s: %w", opts.Address, err)
	}
	return c, nil
}
