// Package capture reads one HTTP request out of what people have at hand when a
// delivery went wrong: a raw request, the output of `curl -v`, or a HAR file of a
// browser or a proxy. It tells the formats apart by their content.
//
// A request is read as it was sent: headers keep their order of values and their
// doubles, a body keeps every byte, because one byte more breaks a signature.
// Where a capture cannot hold that (curl -v has no body), it says so instead of
// guessing. The package knows no vendor and verifies nothing.
package capture
