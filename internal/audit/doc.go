// Package audit is the log of who changed what: a chain of entries, each of
// which carries the hash of the one before, so that an entry that was changed,
// removed or put in between later shows, also to somebody who has nothing but
// an export of the chain.
//
// What a chain cannot show is that its end was cut off, or that all of it was
// written anew by somebody who may write the database. Head is the answer to
// both: keep the newest sequence number and hash somewhere else from time to
// time, and Verify says whether the chain still leads there.
//
// The package only hashes and checks; package record keeps the chain. An entry
// holds names, never a secret and never a payload.
package audit
