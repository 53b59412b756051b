// Package providers turns vendors' webhooks into incident signals.
//
// A provider is one file that knows one vendor: how a delivery is proved, which
// handshakes it makes, and where the fields of a signal live in its payload. It
// registers itself under the name that is also its URL segment, and nothing
// downstream changes when one is added. Handlers reach signals only through
// Accept, which verifies the raw bytes before anything parses them.
//
// A provider has no Redis, Temporal, Gin, environment or clock of its own: the
// request carries the time it was received. It fails closed: a constructor
// without a secret is an error, and so is every delivery that cannot be proved.
package providers
