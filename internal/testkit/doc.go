// Package testkit starts what tests share: a real PostgreSQL, a real Redis, a
// logger that writes to the test, a clock that the test sets.
//
// Servers come from the first of these that is there:
//
//  1. an address in NERVE_TEST_POSTGRES_URL or NERVE_TEST_REDIS_URL;
//  2. the server's programs on this machine, started on a free port with their
//     data in a temporary folder;
//  3. a container, where a Docker engine runs.
//
// Where there is none the test fails and says how to get one: it is never
// skipped for that. Only -short leaves these tests out.
//
// A server that testkit started ends with the process that asked for it,
// however that process ends: see supervise. Only tests import this package.
package testkit
