// Package app puts ingest together from its configuration, and the core that
// ingest and the worker have in common; package back adds the worker, apart, so
// that cmd/ingest links no workflow or activity code. It decides nothing itself.
package app
