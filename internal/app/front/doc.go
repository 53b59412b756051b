// Package front puts ingest together from its configuration, and the core that
// ingest and the worker have in common. It is apart from package app so that
// cmd/ingest links no workflow or activity code; it decides nothing itself.
package front
