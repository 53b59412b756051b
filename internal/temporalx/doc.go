// Package temporalx connects to a Temporal server, the embedded one or any
// other, and makes sure that a namespace can carry nerve's workflows.
//
// Dial makes a client that logs through slog. Prepare registers the search
// attributes that are missing and compares the namespace's retention with the
// time that duplicates must be refused for. It never creates a namespace and
// never changes a retention: on a server that somebody else runs, those are
// their decisions, so it says what to ask for instead.
//
// The package does not import the Temporal server, so that cmd/ingest and
// cmd/worker stay small.
package temporalx
