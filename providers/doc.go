// Package providers turns vendors' webhooks into incident signals.
//
// A provider knows one vendor: how a delivery is proved, which handshakes it
// makes, and where the fields of a signal live in its payload. It begins in the
// file named after it and registers itself under that name, which is also its
// URL segment; nothing downstream changes when one is added. How it signs is a
// value (Scheme), and testdata/<name> holds payloads for tests and for
// `nerve send` (Fixture, Refresher, Renewer). Handlers reach signals only through
// Accept, which verifies the raw bytes before anything parses them.
//
// A provider has no Redis, Temporal, Gin, environment or clock of its own: the
// request carries the time it was received. It fails closed: a constructor
// without a secret is an error, and so is every delivery that cannot be proved.
package providers
