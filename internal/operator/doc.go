// Package operator is what an on-call engineer does with incidents: list, show,
// acknowledge, resolve, and rerun a failed one from the step that failed.
//
// It asks Temporal, which holds the truth about incidents; it needs the keyset
// to read what the codec encrypted. An incident is named by its incident id
// (slack_1770517375_481419) or by its workflow id.
//
// One incident can have several runs: one that failed, the rerun, the run that
// closed it. The newest speaks for it. An alert key can have several incidents,
// one after the other, under one workflow id: nothing that is done to an older
// one touches the newer.
//
// It refuses what does not fit the incident's state with ErrState, and says what
// does. Of two people who decide at the same moment, the second is refused; about
// a failed incident a lease in Temporal sees to that, because its run cannot. What
// is no incident, or cannot be read with the keyset, is refused too.
package operator
