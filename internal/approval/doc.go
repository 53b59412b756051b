// Package approval asks a second person for a change, and tells what became of
// it: submit, list, show, decide. Each approval is a workflow (workflows.Approve)
// with a deadline; this package is its client, for the command line, the API and
// the clicks that come from Slack.
//
// An approval is named by a hash of its change, without the secret. As long as
// one is open the same change cannot be asked for twice: Temporal refuses it, and
// Submit says which one is open. A newer request for the same change, after the
// first is over, has the same name and another run.
//
// The secret of a change is sealed before it reaches Temporal, so that neither a
// state, a memo, a search attribute nor the endpoint that decodes payloads for
// Temporal UI has it.
//
// Temporal holds the truth; what needs a worker (a state, a decision) fails with
// ErrNoWorker in seconds when none is up, instead of waiting for ever. What the
// package cannot prove is who types a name on the command line: whoever has the
// keyset and the way to Temporal could do worse (ADR 19).
package approval
