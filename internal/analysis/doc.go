// Package analysis makes a verdict of an incident's evidence by rules: what
// happened, what speaks for which cause, how sure that is, and what to do next.
//
// It is what people get when no model is configured, and the floor under one
// that is: never silence. It claims nothing without evidence, and says
// "inconclusive" when nothing points anywhere. It has no state, clock or
// network.
package analysis
