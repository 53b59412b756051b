package audit_test

import (
	"errors"
	"iter"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/audit"
)

var at = time.Date(2026, 3, 4, 5, 6, 7, 123456789, time.FixedZone("", 3600))

func chain(t *testing.T, n int) []audit.Entry {
	t.Helper()
	var all []audit.Entry
	var prev *audit.Entry
	for i := range n {
		e, err := audit.Link(audit.Entry{
			Actor: audit.Actor{Person: "ops", Via: audit.ViaCLI}, Action: "source.set", Target: "datadog",
			Detail: map[string]string{"window": "15m", "rate": "100"},
		}, prev, at.Add(time.Duration(i)*time.Second))
		require.NoError(t, err)
		all = append(all, e)
		prev = &all[i]
	}
	return all
}

func walk(list []audit.Entry) iter.Seq2[audit.Entry, error] {
	return func(yield func(audit.Entry, error) bool) {
		for _, e := range list {
			if !yield(e, nil) {
				return
			}
		}
	}
}

func TestAChainHolds(t *testing.T) {
	t.Parallel()
	all := chain(t, 5)
	head, err := audit.Verify(walk(all), audit.Head{Seq: 3, Hash: all[2].Hash})
	require.NoError(t, err)
	assert.Equal(t, audit.Head{Seq: 5, Hash: all[4].Hash}, head)
	assert.Equal(t, time.Date(2026, 3, 4, 4, 6, 7, 123456000, time.UTC), all[0].At)
	head, err = audit.Verify(walk(nil))
	require.NoError(t, err)
	assert.Equal(t, audit.Genesis, head.Hash)
}

func TestWhatWasDoneToAChainShows(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func([]audit.Entry) []audit.Entry
		at     int64
	}{
		"a word changed":    {func(c []audit.Entry) []audit.Entry { c[2].Target = "slack"; return c }, 3},
		"a person changed":  {func(c []audit.Entry) []audit.Entry { c[2].Actor.Person = "nobody"; return c }, 3},
		"a detail changed":  {func(c []audit.Entry) []audit.Entry { c[2].Detail = nil; return c }, 3},
		"a time changed":    {func(c []audit.Entry) []audit.Entry { c[2].At = c[2].At.Add(1000); return c }, 3},
		"one removed":       {func(c []audit.Entry) []audit.Entry { return slices.Delete(c, 2, 3) }, 3},
		"the first removed": {func(c []audit.Entry) []audit.Entry { return c[1:] }, 1},
		"two exchanged":     {func(c []audit.Entry) []audit.Entry { c[2], c[3] = c[3], c[2]; return c }, 3},
		"one twice":         {func(c []audit.Entry) []audit.Entry { return slices.Insert(c, 2, c[1]) }, 3},
		"another's hash":    {func(c []audit.Entry) []audit.Entry { c[2].Hash = c[1].Hash; return c }, 3},
		"its end cut off":   {func(c []audit.Entry) []audit.Entry { return c[:3] }, 4},
		"written anew":      {func(c []audit.Entry) []audit.Entry { return anew(t, c) }, 5},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all := chain(t, 5)
			kept := audit.Head{Seq: 5, Hash: all[4].Hash}
			_, err := audit.Verify(walk(tc.change(slices.Clone(all))), kept)
			broken, ok := errors.AsType[*audit.BrokenError](err)
			require.True(t, ok, "%v", err)
			assert.Equal(t, tc.at, broken.Seq, broken.Why)
		})
	}
}

// anew is the same story with another person in it, each entry linked again.
func anew(t *testing.T, old []audit.Entry) []audit.Entry {
	t.Helper()
	var all []audit.Entry
	var prev *audit.Entry
	for i, e := range old {
		e.Actor.Person = "somebody"
		linked, err := audit.Link(e, prev, e.At)
		require.NoError(t, err)
		all = append(all, linked)
		prev = &all[i]
	}
	return all
}

func TestAnEntryNeedsSomebody(t *testing.T) {
	t.Parallel()
	_, err := audit.Link(audit.Entry{Action: "x"}, nil, at)
	require.ErrorIs(t, err, audit.ErrNobody)
	_, err = audit.Link(audit.Entry{Actor: audit.Actor{Person: " ", Via: audit.ViaAPI}, Action: "x"}, nil, at)
	require.ErrorIs(t, err, audit.ErrNobody)
	_, err = audit.Link(audit.Entry{Actor: audit.Actor{Person: "ops", Via: audit.ViaAPI}}, nil, at)
	require.ErrorContains(t, err, "action")
	assert.True(t, audit.Actor{Person: "Ops@example.com "}.Same(audit.Actor{Person: "ops@example.com"}))
	for _, tc := range []struct {
		one, other string
		same       bool
	}{
		{"ops", "dev", false},
		{"ops", " OPS ", true},
		{"ops", "Ops@example.com", true},
		{"ops@example.com", "ops", true},
		{"ops@example.com", "ops@example.org", false},
		{"ops", "ops2@example.com", false},
	} {
		assert.Equal(t, tc.same, audit.Actor{Person: tc.one}.Same(audit.Actor{Person: tc.other}), "%q and %q", tc.one, tc.other)
	}
}

// One human who asks with a login that has no address and grants with one that
// has must not be two people.
func TestASubjectMayBeAnyAddress(t *testing.T) {
	t.Parallel()
	subject, other, address := audit.Actor{Person: "sub:u1"}, audit.Actor{Person: "sub:u2"}, audit.Actor{Person: "ana@example.com"}
	assert.True(t, subject.Same(address))
	assert.True(t, address.Same(subject))
	assert.True(t, subject.Same(subject))
	assert.False(t, subject.Same(other), "one issuer has two subjects for two people")
}

func TestAHeadOfNothingIsGenesis(t *testing.T) {
	t.Parallel()
	_, err := audit.Verify(walk(chain(t, 2)), audit.Head{Hash: audit.Genesis})
	require.NoError(t, err)
	_, err = audit.Verify(walk(chain(t, 2)), audit.Head{Hash: "ab"})
	_, broken := errors.AsType[*audit.BrokenError](err)
	require.True(t, broken, "%v", err)
}
