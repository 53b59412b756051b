// Package workflows orchestrates an incident's life, and nothing else: every
// side effect is an activity.
//
// Triage is the incident. It makes sure that people see that nerve has the
// alert, fetches evidence, analyses, answers in the thread, and then lives on
// until the alert is resolved or nothing more is heard of it. A step that fails
// for good fails the workflow visibly; a rerun resets it to that step, and
// resolving it starts a run that goes on from the last state and closes it.
//
// Workflows are replayed: code here may not ask for the time, the network or
// chance, and a change that alters the order of commands needs
// workflow.GetVersion and a newly recorded history (see CONTRIBUTING.md).
package workflows
