// Package providers turns vendors' webhooks into incident signals.
//
// A provider knows one vendor: how a delivery is proved, which handshakes it
// makes, and where the fields of a signal live in its payload. Most are data: a
// mapping in catalog/<name>.yaml, read when a source uses it, or one that a source
// brings along (Custom). The others begin in the file named after them and register
// themselves. The name is also the URL segment; nothing downstream changes when
// one is added. How it signs is a
// value (Scheme), and testdata/<name> holds payloads for tests and for
// `nerve send` (Fixture, Refresher, Renewer). Handlers reach signals only through
// Accept, which verifies the raw bytes before anything parses them.
//
// A provider has no Redis, Temporal, Gin, environment or clock of its own: the
// request carries the time it was received. Of the network it uses what Amazon SNS
// needs, on Amazon's own hosts: its certificates, and to confirm a subscription. It fails closed: a constructor
// without a secret is an error, and so is every delivery that cannot be proved.
package providers
