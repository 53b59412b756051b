// Package cli is the nerve command: `nerve dev`, and what operators and
// engineers do from a terminal. Each command works against the same packages as
// the server; what it prints for people fits 100 columns, and --json prints the
// same for programs.
package cli
