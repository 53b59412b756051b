// Package registry is where sources come from that are not in the configuration
// file: it checks a change of one, makes it, tells every ingest of it, and loads
// what ingest works with.
//
// The file wins: a source that it defines is read-only here, and hides one of
// its name in the database. A source of the database has the same keys as an
// entry of the file and is read by the same code; its secrets are sealed, bound
// to the source and to their id, and nothing gives them back but Load, which is
// what ingest uses to prove deliveries.
//
// Every change moves one revision number, in the transaction of its audit entry.
// Each ingest hears of it through Redis and reads the database again; it also
// asks the database itself, every two seconds while Redis does not carry, and a
// sealed copy of the sources lies in Redis for an ingest that starts while the
// database is away. A source that cannot be built (a mapping that no longer
// compiles, a secret that no key opens) is broken alone: the others go on.
//
// It refuses a change that two people must agree on and one made, a change of
// something that was changed meanwhile, and one that would leave a source
// without a proof. It never logs a secret.
package registry
