package config_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/config"
)

var update = flag.Bool("update", false, "rewrite the configuration tables in the documents")

// TestReadmeListsEveryKey compares the tables in README.md and in
// docs/configuration.md with the keys that Load knows. After a key has changed,
// rewrite them:
//
//	go test ./internal/config -run Readme -update
func TestReadmeListsEveryKey(t *testing.T) {
	listed(t, "../../README.md", "configuration", keyTable())
	listed(t, "../../docs/configuration.md", "sources", sourceTable())
}

func listed(t *testing.T, path, name, table string) {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	want, err := replaceSection(text, name, table)
	require.NoError(t, err)
	if *update {
		require.NoError(t, os.WriteFile(path, want, 0o600))
		return
	}
	require.Equal(t, string(want), string(text), "run: go test ./internal/config -run Readme -update")
}

func TestReplaceSectionRefusesTextWithoutIt(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"neither":    "text",
		"no end":     "<!-- keys: begin -->",
		"wrong way":  "<!-- keys: end --><!-- keys: begin -->",
		"other name": "<!-- words: begin --><!-- words: end -->",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := replaceSection([]byte(text), "keys", "table")
			require.Error(t, err)
		})
	}
}

// replaceSection puts a table between the two comments that name its place.
func replaceSection(text []byte, name, table string) ([]byte, error) {
	begin, end := []byte("<!-- "+name+": begin -->"), []byte("<!-- "+name+": end -->")
	before, rest, found := bytes.Cut(text, begin)
	_, after, ended := bytes.Cut(rest, end)
	if !found || !ended {
		return nil, fmt.Errorf("no place for %s: %s and %s are needed, in this order", name, begin, end)
	}
	return bytes.Join([][]byte{before, begin, []byte("\n" + table), end, after}, nil), nil
}

func keyTable() string {
	var b strings.Builder
	b.WriteString("| variable | in the file | default | |\n|---|---|---|---|\n")
	for _, k := range config.Keys() {
		name := code(k.Env)
		if k.Alias != "" {
			name += ", " + code(k.Alias)
		}
		doc := k.Doc
		if len(k.Needs) > 0 {
			doc += "; **needed by " + programs(k.Needs) + "**"
		}
		if k.Secret {
			doc += "; secret"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", name, code(k.Path), code(k.Default), doc)
	}
	return b.String()
}

func sourceTable() string {
	var b strings.Builder
	b.WriteString("| key | default | |\n|---|---|---|\n")
	for _, k := range config.SourceKeys() {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", code(k.Name), k.Default, k.Doc)
	}
	return b.String()
}

func programs(list []config.Program) string {
	names := make([]string, len(list))
	for i, p := range list {
		names[i] = string(p)
	}
	return strings.Join(names, " and ")
}

func code(text string) string {
	if text == "" {
		return ""
	}
	return "`" + text + "`"
}
