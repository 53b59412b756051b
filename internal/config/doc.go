// Package config reads nerve's configuration: defaults, then a YAML file, then
// the environment, then command-line flags, each over the one before. It is the
// only reader of the environment, so that everything else can be built and
// tested from a plain Config.
//
// Load reports every mistake at once, each with the key, what is wrong and what
// to do, and never repeats a secret's value. A program that gets Errors prints
// them all and exits with ExitCode before anything listens. Nothing is guessed:
// a key that is not known, a secret that is missing and a number that cannot be
// read are all mistakes.
package config
