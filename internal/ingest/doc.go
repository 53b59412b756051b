// Package ingest is nerve's HTTP front: it takes webhooks, proves who sent them,
// and answers only when what they say is durable.
//
// The order is fixed: request id, body limit, source, backoff for addresses that
// failed to prove themselves, verification of the raw bytes, handshake, parsing,
// key, admission, scrubbing, start, answer. Nothing is parsed, looked up, logged
// with content or counted before the signature holds. Keys leave as hashes, raw
// bytes sealed, and a signal only scrubbed: that is done when its incident is
// about to be told, because a repeat has nothing to tell. The reaction in Slack
// follows the answer.
//
// An alert is durable when Temporal has started (or been told of) its incident,
// or when the spool has the command. When neither takes it the answer is 503
// with Retry-After, and the claim is taken back, so that the sender's retry
// counts as the first delivery. A repeat that was counted but not told is not
// taken back: its retry is told, and counted no more.
//
// Every request that was meant for a source has one entry in the delivery log,
// whose outcome and status are the answer; an attempt with several signals has a
// part for each beside it (ADR 15). Of requests that prove nothing only so many a
// second are kept, and the others counted.
//
// To a caller every error is a bland problem document; the log has the precise
// reason, but never a body, a header's value or a secret. The package reads no
// environment and constructs no adapter: see Deps.
package ingest
