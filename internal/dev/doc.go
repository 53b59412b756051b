// Package dev is `nerve dev`: all of nerve in one process, on embedded servers,
// with a stand-in for Slack, and the demo that plays a small story on it.
//
// Everything listens on 127.0.0.1. State lives in one directory and survives a
// restart. The embedded Redis is memory, so ingest answers only for what
// Temporal has written down: it never answers from the spool here.
package dev
