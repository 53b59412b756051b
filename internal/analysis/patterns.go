package analysis

import "regexp"

// pattern is a symptom that alert texts name in their own words.
type pattern struct {
	name  string // for tests and logs
	match *regexp.Regexp
	cause string // what it usually means
	step  string // what to look at first
}

// patterns are tried in order; the first match wins, so the specific stand
// before the general.
var patterns = []pattern{
	{
		"oom", regexp.MustCompile(`(?i)\b(oom[- ]?kill(ed)?|out of memory|memory (usage|limit|pressure)|heap space)\b`),
		"a process is running out of memory",
		"Compare memory over the last day with the limit; look for a leak since the last deploy before raising the limit.",
	},
	{
		"disk", regexp.MustCompile(`(?i)\b(disk (space|usage|full)|no space left|low disk|inode|volume (is )?full|filesystem)\b`),
		"a disk is filling up",
		"Find what grew (logs, temporary files, database segments) and free or extend the volume.",
	},
	{
		"certificate", regexp.MustCompile(`(?i)\b(certificate|tls|ssl)\b.{0,60}\b(expir|invalid|handshake|untrusted)`),
		"a TLS certificate has expired or is about to",
		"Check the certificate's dates on the endpoint and the renewal job's last run.",
	},
	{
		"deploy", regexp.MustCompile(`(?i)\b(deploy(ed|ment|ing)?|rollout|roll(ed)? ?back|release[ds]?)\b`),
		"a recent deploy",
		"Compare the time of the last deploy with the start of the alert; roll back if they agree.",
	},
	{
		"dns", regexp.MustCompile(`(?i)\b(dns|no such host|name resolution|nxdomain)\b`),
		"name resolution is failing",
		"Resolve the name from the affected host and check the resolver and the record.",
	},
	{
		"database", regexp.MustCompile(`(?i)\b(replication lag|deadlock|too many connections|connection pool|slow quer(y|ies)|lock timeout)\b`),
		"the database is a bottleneck",
		"Look at connections, locks and the slowest queries since the start of the alert.",
	},
	{
		"unreachable", regexp.MustCompile(`(?i)\b(connection (refused|reset|timed out)|unreachable|is down|host down|instancedown|couldn'?t be scraped|health ?check failed|no data)\b`),
		"something does not answer",
		"Check whether the process runs and the network path is open from where the check runs.",
	},
	{
		"errors", regexp.MustCompile(`(?i)\b(5\d\d (errors?|responses?|rate)|http 5\d\d|error rate|5xx|exceptions?|panic)\b`),
		"requests are failing inside the service",
		"Group the errors by endpoint and message; the newest kind is usually the one.",
	},
	{
		"latency", regexp.MustCompile(`(?i)\b(latency|p9[059]|slow response|response time|timeouts?)\b`),
		"requests take too long",
		"Split the latency by dependency; look for saturation or a slow downstream call.",
	},
	{
		"cpu", regexp.MustCompile(`(?i)\b(cpu|load average|throttl(ed|ing))\b`),
		"processors are saturated",
		"Find the process that uses the processor and what started at the same time.",
	},
	{
		"queue", regexp.MustCompile(`(?i)\b(consumer lag|queue (depth|length|size)|backlog|dead letter)\b`),
		"a queue grows faster than it is emptied",
		"Compare the rates in and out; look for consumers that stopped or slowed.",
	},
	{
		"login", regexp.MustCompile(`(?i)\b(can(no|')t (log ?in|sign in|connect|access)|login (fails|failed|issue)|unauthori[sz]ed|forbidden|permission denied)\b`),
		"people or programs are refused access",
		"Check the identity provider's status and what changed in permissions or keys.",
	},
}

func findPattern(text string) *pattern {
	for i := range patterns {
		if patterns[i].match.MatchString(text) {
			return &patterns[i]
		}
	}
	return nil
}
