// Package app puts the programs together: it is the one place where the parts
// of ingest and of the worker meet their configuration. cmd/ingest and
// cmd/worker run one each, `nerve dev` runs both in one process. It decides
// nothing.
package app
