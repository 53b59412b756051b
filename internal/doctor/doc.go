// Package doctor looks at a configured nerve from outside and says what is wrong
// with it, what to do about it, and what somebody has switched off that keeps
// nerve's promise: a source that proves nothing, a single operator who approves
// alone, a Redis that forgets.
//
// It only looks. It starts nothing, migrates nothing and registers nothing, and
// it says so where it could not look. A finding names keys and sources, never a
// secret.
package doctor
