// Package slack is nerve's way out to Slack: reactions, the headline, the
// answer in the thread, and reading a thread as evidence.
//
// Every call is safe to repeat. A reaction that is already there is a success;
// a message carries the incident's id as metadata, is looked for before it is
// posted, and is edited when it is found. Errors say whether another try can
// help and when; they never hold a token or a message. The package does not
// know Temporal.
package slack
