// Package slackstand is a stand-in for Slack: the part of the Web API and the
// Events API that nerve uses, over real HTTP, and a live page that shows the
// channels as Slack would. `nerve dev` runs it, and tests drive it.
//
// It answers in Slack's wire format: HTTP 200 with {"ok":false,"error":…} for a
// refusal, 429 with Retry-After for a limit, invalid_blocks with the pointer to
// the mistake. Where Slack is lenient in a way that hurts a caller (a reply to an
// unknown thread lands in the channel, un-threaded), so is the stand-in. Faults
// make it fail on purpose, also after it has done the work.
//
// It is no chat server. It has one bot, one workspace and no accounts, and it
// trusts whoever can reach the page under a loopback name. It makes no request
// except the signed deliveries to Options.EventsURL and InteractiveURL. It imports neither
// Temporal nor Redis.
//
// What it has acknowledged is in a file by then, so killing the process loses
// none of it; see journalFile for what a crash of the machine can take.
//
// It fails closed: a missing token or an unreadable state file is an error of
// New, never an empty workspace.
package slackstand
