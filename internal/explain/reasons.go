package explain

import "github.com/nerve-alerts/nerve/internal/contract"

// because is what there is to say of a reason.
type because struct {
	text string
	next []string
}

// verify is the command that says what is wrong with a proof.
const verify = "Find out what does not fit: nerve verify --provider {provider} --request FILE --secret FILE (docs/debugging.md)"

// parse is the command that says what a payload becomes.
const (
	read  = "nerve deliveries show {id} --raw --output body, then nerve parse --provider {provider} --body body --explain"
	parse = "See how it is read: " + read
)

// again is the command that takes a kept delivery through today's code.
const again = "Once that is mended: nerve deliveries replay {id}"

var reasons = map[contract.Reason]because{
	contract.ReasonNoSource: {
		"No source has that name.",
		[]string{"Compare the URL at the sender with the sources: it ends in /webhooks/ and the source's name."},
	},
	contract.ReasonNotLoaded: {
		"The ingest that took it had just started and did not know yet which sources there are in the database.",
		[]string{"Look whether the sender tried again. If this goes on, look whether ingest reaches Redis or the database."},
	},
	contract.ReasonNoRoute: {
		"Nothing is served at that path.",
		[]string{"Correct the URL at the sender: it ends in /webhooks/ and the source's name, without anything behind it."},
	},
	contract.ReasonMethod: {
		"It was no POST, and no check of the endpoint that this vendor makes.",
		[]string{"Have the sender use POST. A browser that opens the URL sends a GET, and is answered so."},
	},
	contract.ReasonTooLarge: {
		"Its body was larger than is accepted, and was not read.",
		[]string{"Have the vendor send less, or raise max_body."},
	},
	contract.ReasonIncomplete: {
		"Its body ended before it was complete, or came too slowly.",
		[]string{"Look at the way from the sender to nerve: a proxy that cuts bodies off, or a line that broke."},
	},
	contract.ReasonBackoff: {
		"Its address had failed to prove itself too often within a minute, and was turned away unread for a while.",
		[]string{"Explain an earlier delivery from {ip}: nerve deliveries list --source {source} --outcome rejected", verify},
	},
	contract.ReasonAddress: {
		"Its address is not on the source's allow-list.",
		[]string{"If {ip} is the vendor's, add it to the allow-list of {source}. Behind a proxy, name the proxy in trusted_proxies."},
	},
	contract.ReasonProxy: {
		"Its address is not on the source's allow-list, and it is a proxy's, whose X-Forwarded-For is not believed.",
		[]string{"If {ip} is your own proxy, name it in trusted_proxies, so that the sender's own address counts."},
	},
	contract.ReasonDisabled: {
		"The source is disabled, and answers as if it were not there.",
		[]string{"If it should not be: nerve sources list, and enable {source} again."},
	},
	contract.ReasonBroken: {
		"The source cannot be built: its mapping or one of its secrets is wrong.",
		[]string{"See what is wrong with {source} in ingest's log, and mend it; senders still hold what they could not deliver."},
	},
	contract.ReasonPaused: {
		"The source is paused: every delivery is told to come later.",
		[]string{"End the pause of {source}; senders then deliver what they still hold.", "If this one was given up: nerve deliveries replay {id}"},
	},
	contract.ReasonUnsigned: {
		"It carried no signature and no token that the source's schemes read.",
		[]string{"Enter the secret at the vendor, and look whether a proxy drops headers.", verify},
	},
	contract.ReasonSignature: {
		"A proof was there, and no secret of the source made it over these bytes.",
		[]string{"Compare the secret at the vendor with the source's; after a rotation, add the new one before you remove the old.", verify},
	},
	contract.ReasonStale: {
		"Its proof was right, but its signed time was outside the tolerance.",
		[]string{"Compare the clocks of the sender and of nerve. Whoever replays a recorded delivery is refused like this."},
	},
	contract.ReasonAssurance: {
		"It was proved, but less well than min_assurance of the source asks for.",
		[]string{"Have the vendor sign its deliveries, or lower min_assurance of {source}."},
	},
	contract.ReasonNoProof: {
		"Its signature could not be checked, because the vendor's certificate could not be fetched.",
		[]string{"Look whether ingest reaches the vendor's certificates over HTTPS."},
	},
	contract.ReasonProofFailed: {
		"nerve's own code for this vendor failed on it.",
		[]string{"That is a mistake in nerve: report it, with the log line of this delivery."},
	},
	contract.ReasonMalformed: {
		"The sender was proved, but the body is not what this vendor sends.",
		[]string{parse, again},
	},
	contract.ReasonInvalidFields: {
		"The sender was proved, but what was read lacks what an alert needs.",
		[]string{parse, again},
	},
	contract.ReasonHandshake: {text: "The vendor checked the endpoint, with a proof."},
	contract.ReasonProbe:     {text: "The vendor checked the endpoint by GET or OPTIONS; it got back what it had brought."},
	contract.ReasonNoHandler: {
		"The event is of a kind that nothing handles.",
		[]string{"If it is an alert, see how it is read: " + read},
	},
	contract.ReasonSelfMessage: {text: "It is nerve's own message in Slack, which it does not answer."},
	contract.ReasonIgnored:     {text: "The provider says that it is not for nerve."},
	contract.ReasonStored:      {text: "The handler of its source, or of its event type, only keeps what comes."},
	contract.ReasonBelowFloor: {
		"It is milder than severity_floor of its source.",
		[]string{"If such alerts should page, lower severity_floor of {source}, then: nerve deliveries replay {id}"},
	},
	contract.ReasonClick:        {text: "It is a click that decided an approval."},
	contract.ReasonClickRefused: {text: "It is a click that decided nothing."},
	contract.ReasonNotOurButton: {text: "It is an interaction in Slack that is about nothing that nerve has asked."},
	contract.ReasonTaskUnknown: {
		"Its source takes only tasks that were registered (require_known), and nobody has registered this one.",
		[]string{"Register a task before it starts: nerve tasks expect ID --source {source}"},
	},
	contract.ReasonNothingToResolve: {
		"It says that an alert is over, and no incident of it runs.",
		[]string{"Look for its firing: nerve deliveries list --source {source}"},
	},
	contract.ReasonOverRate: {text: "Its source sent more new alerts a minute than its rate and burst allow."},
	contract.ReasonHardCap:  {text: "Its source sent more deliveries within a minute than its hard cap allows."},
	contract.ReasonSpooled:  {text: "Temporal was away, too slow or behind, so it went to the spool, from which the worker tells Temporal in order."},
	contract.ReasonNothingDurable: {
		"Neither Temporal nor the spool in Redis could take it, so nothing was promised.",
		[]string{"Look whether Temporal and Redis are up: GET /health/detailed of ingest.", again},
	},
	contract.ReasonStartRefused: {
		"Temporal refused to start its incident, and would refuse it again.",
		[]string{"See the error in ingest's log under this delivery's id.", again},
	},
	contract.ReasonResolveRefused: {
		"Temporal refused to tell its incident that the alert is over.",
		[]string{"See the error in ingest's log under this delivery's id.", "Close the incident by hand: nerve incidents resolve ID"},
	},
	contract.ReasonPanic: {
		"nerve's own code broke off on it.",
		[]string{"That is a mistake in nerve: report it, with the stack from ingest's log.", again},
	},
}
