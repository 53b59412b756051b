// Package devserver runs in this process what nerve needs around it: a Temporal
// server with its UI, and a Redis. It is what `nerve dev` and the tests start,
// so that nothing has to be installed first.
//
// The Temporal server is the real one on a SQLite file. Its history survives the
// death of the process: a workflow that was answered for goes on after a
// restart on the same directory. The last commits can be lost when the machine
// loses power, because SQLite writes its log without waiting for the disk
// (synchronous=NORMAL). The Redis is miniredis, in memory only.
//
// What it refuses to do: it binds nothing but 127.0.0.1, because neither Temporal
// nor Redis asks who is calling here; its UI answers only requests that were made
// to a loopback name, so that no web page can reach it through DNS; two processes
// never share a directory; a database of another schema is not opened, since
// Temporal has no upgrade for SQLite files; and nothing asks the internet for
// newer versions. For anything that must outlive a machine, run Temporal on
// PostgreSQL and a real Redis.
//
// This is the only package that imports go.temporal.io/server.
package devserver
