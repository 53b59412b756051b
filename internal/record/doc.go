// Package record keeps incidents and deliveries in SQL: PostgreSQL in
// production, a SQLite file for one machine. Both go through the same queries
// and the same tests; what differs is in postgres.go, sqlite.go and the two
// folders of migrations.
//
// Everything that arrives here is scrubbed or sealed already: text holds tokens
// instead of personal data, and the bytes of a delivery come encrypted and are
// kept as they came, with their content type and SHA-256. The package has no
// key and cannot open them. The two exceptions are named: a delivery keeps the
// address that it came from, and an incident keeps who acknowledged or resolved
// it. Neither a query nor an error of this package is logged with its values.
//
// The record is not the truth about a running incident (Temporal is), it is
// what people and later incidents look things up in. So every write is an
// idempotent upsert that may come late, twice, or in the wrong order:
//
//   - an incident carries a Version that only grows, and an older version never
//     replaces a newer one;
//   - a delivery's outcome is written once: an entry without an outcome gives
//     way to one that has it, and nothing after that changes it.
//
// The log is written in large batches (save_postgres.go), read in pages that
// stay where they are while it grows (page.go), and cleaned up beside its writers
// (cleanup.go). What outlives it is the account of when each secret was used
// (secret_use.go).
//
// Open brings the schema up to date under a lock, so any number of processes
// may start at once. Migrations only ever add, so that the release before keeps
// working while a new one is rolled out, and each has a way back.
//
// It refuses: a URL it does not know, options in a SQLite URL (the settings
// that keep the file safe are not open to choice), an incident without an id,
// source, version or opening time. Errors say what to do and hold no password.
// Retryable tells which of them are worth another try.
package record
