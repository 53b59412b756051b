// Package operator is what an on-call engineer does with incidents: list, show,
// acknowledge, resolve, and rerun a failed one from the step that failed.
//
// It asks Temporal, which holds the truth about incidents; it needs the keyset
// to read what the codec encrypted. An incident is named by its incident id
// (slack_1770517375_481419) or by its workflow id.
package operator
