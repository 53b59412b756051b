package registry_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/audit"
	"github.com/nerve-alerts/nerve/internal/config"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/record"
	"github.com/nerve-alerts/nerve/internal/registry"
	"github.com/nerve-alerts/nerve/providers"
)

func TestASourceFromAddToRemove(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, b *bench) {
		c := add("dd", map[string]any{"provider": "datadog", "window": "30m", "rate": 1000000.0, "severity_floor": "high"})
		verdict, err := b.Check(t.Context(), c)
		require.NoError(t, err)
		assert.True(t, verdict.SecondPerson)
		assert.NotEmpty(t, verdict.Why)
		_, err = b.Apply(t.Context(), registry.Order{Change: c, By: asker})
		var needs *registry.SecondPersonError
		require.ErrorAs(t, err, &needs)
		_, err = b.Apply(t.Context(), registry.Order{Change: c, By: asker, ApprovedBy: &audit.Actor{Person: "OPS@example.com", Via: audit.ViaSlack}})
		require.ErrorIs(t, err, registry.ErrSamePerson)

		a := b.approved(t, c)
		assert.Equal(t, int64(1), a.Revision)
		named := b.id(t, "a")
		assert.Equal(t, named, a.SecretID)
		require.ErrorIs(t, b.refused(t, c), registry.ErrExists)

		l := b.loaded(t)
		require.Len(t, l.Sources, 1)
		require.NoError(t, l.Sources[0].Err)
		s := l.Sources[0].Source
		assert.Equal(t, secret("a"), s.Secrets[0].Value.Reveal())
		assert.Equal(t, 30*time.Minute, s.Window)
		assert.Equal(t, 1000000, s.Rate)
		assert.Equal(t, incident.SeverityHigh, s.SeverityFloor)

		disable := contract.Change{Action: contract.ActionSourceDisable, Target: "dd"}
		verdict, err = b.Check(t.Context(), disable)
		require.NoError(t, err)
		assert.Equal(t, int64(1), verdict.Revision, "what is granted is a change of the source as it was when it was asked for")
		_, err = b.Apply(t.Context(), registry.Order{Change: disable, By: asker})
		require.ErrorAs(t, err, &needs)
		assert.Equal(t, verdict.Revision, needs.Revision)
		names := func() []string {
			set, err := b.store.Sources(t.Context())
			require.NoError(t, err)
			return registry.Names(b.File, set)
		}
		assert.Equal(t, []string{"dd", "slack"}, names())
		b.approved(t, disable)
		assert.Equal(t, []string{"slack"}, names(), "nothing is taken from one that is disabled")
		assert.True(t, b.loaded(t).Sources[0].Disabled)
		require.ErrorIs(t, b.refused(t, contract.Change{Action: contract.ActionSourceDisable, Target: "dd"}), registry.ErrUnchanged)
		_, err = b.Apply(t.Context(), registry.Order{Change: contract.Change{Action: contract.ActionSourceEnable, Target: "dd"}, By: asker})
		require.NoError(t, err, "enabling needs nobody else")
		b.approved(t, contract.Change{Action: contract.ActionSourceRemove, Target: "dd"})
		assert.Empty(t, b.loaded(t).Sources)
		require.ErrorIs(t, b.refused(t, set("dd", nil)), registry.ErrNotFound)
		assert.Equal(t, []int64{1, 2, 3, 4}, b.announced)

		log, err := b.store.AuditLog(t.Context(), record.AuditFilter{})
		require.NoError(t, err)
		require.Len(t, log, 4)
		first := log[3]
		assert.Equal(t, "source.add", first.Action)
		assert.Equal(t, asker, first.Actor)
		assert.Equal(t, "dev@example.com (slack)", first.Detail["approved_by"])
		assert.Equal(t, "30m", first.Detail["window"])
		assert.Equal(t, named, first.Detail["secret_id"])
		assert.NotContains(t, b.log.String(), secret("a"))
	})
}

func TestAnOrderIsCarriedOutOnce(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, b *bench) {
		o := registry.Order{Change: add("dd", map[string]any{"provider": "datadog"}), By: asker, ApprovedBy: &second, Ref: "approval/1"}
		_, err := b.Apply(t.Context(), o)
		require.NoError(t, err)
		again, err := b.Apply(t.Context(), o)
		require.NoError(t, err)
		assert.True(t, again.Again)
		assert.Equal(t, "source.add", again.Entry.Action)
		assert.Len(t, b.announced, 1)
	})
}

func TestMistakesAreNamedWithTheirKey(t *testing.T) {
	t.Parallel()
	b := newBench(t, sqlite(t))
	for name, tc := range map[string]struct {
		change contract.Change
		keys   []string
	}{
		"fields": {
			add("Bad Name", map[string]any{"provider": "datadgo", "windw": "5m", "rate": "x", "handler": "mail", "severity_floor": "loud", "allow_cidrs": "here"}),
			[]string{"name", "provider", "windw", "rate", "handler", "severity_floor", "allow_cidrs[0]"},
		},
		"secrets among fields": {add("dd", map[string]any{"provider": "datadog", "secrets": []any{"env:X"}}), []string{"secrets"}},
		"short secret":         {contract.Change{Action: contract.ActionSourceAdd, Target: "dd", Fields: map[string]any{"provider": "datadog"}, Secret: "short"}, []string{"secret"}},
		"no secret":            {contract.Change{Action: contract.ActionSourceAdd, Target: "dd", Fields: map[string]any{"provider": "datadog"}}, []string{"secret"}},
		"a variable": {
			contract.Change{Action: contract.ActionSourceAdd, Target: "dd", Fields: map[string]any{"provider": "datadog"}, Secret: "env:" + secret("x")},
			[]string{"secret"},
		},
		"a line break": {
			contract.Change{Action: contract.ActionSourceAdd, Target: "dd", Fields: map[string]any{"provider": "datadog"}, Secret: secret("x") + "\n"},
			[]string{"secret"},
		},
		"a secret that cannot serve": {add("sg", map[string]any{"provider": "sendgrid", "schemes": []any{"sendgrid"}}), []string{"provider"}},
		"a mapping that is none":     {add("own", map[string]any{"mapping": "title: x\n"}), []string{"mapping"}},
		"a vendor's name":            {add("github", map[string]any{"mapping": "title: x\n"}), []string{"mapping"}},
		"cidrs without a proof": {contract.Change{Action: contract.ActionSourceAdd, Target: "dd", Fields: map[string]any{
			"provider": "datadog", "schemes": []any{"none"}, "i_understand": true, "allow_cidrs": []any{"192.0.2.0/24"},
		}}, []string{"allow_cidrs"}},
		"the API's own":  {add("api", map[string]any{"provider": "datadog"}), []string{"name"}},
		"unknown action": {contract.Change{Action: "source.eat", Target: "there"}, []string{"action"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := b
			if tc.change.Action == "source.eat" {
				b = newBench(t, sqlite(t))
				b.approved(t, add("there", map[string]any{"provider": "datadog"}))
			}
			err := b.refused(t, tc.change)
			mistakes, ok := errors.AsType[config.Errors](err)
			require.True(t, ok, "%v", err)
			var keys []string
			for _, m := range mistakes {
				keys = append(keys, m.Key)
				assert.NotEmpty(t, m.Fix)
			}
			assert.ElementsMatch(t, tc.keys, keys, err)
			assert.NotContains(t, err.Error(), secret("x"))
		})
	}
}

func TestWhatWeakensTheProofNeedsASecondPerson(t *testing.T) {
	t.Parallel()
	b := newBench(t, sqlite(t))
	b.approved(t, add("pd", map[string]any{"provider": "pagerduty", "min_assurance": "signed", "schemes": []any{"pagerduty v1"}, "tolerance_past": "60s", "allow_cidrs": []any{"192.0.2.0/24"}}))
	for name, tc := range map[string]struct {
		fields map[string]any
		weaker bool
	}{
		"none":                {map[string]any{"schemes": []any{"none"}, "i_understand": true, "allow_cidrs": nil}, true},
		"another vendor":      {map[string]any{"provider": "github", "schemes": nil}, true},
		"all schemes":         {map[string]any{"schemes": nil}, true},
		"further schemes":     {map[string]any{"schemes": []any{"pagerduty v1", "token"}}, true},
		"weak":                {map[string]any{"allow_weak": true}, true},
		"a token is enough":   {map[string]any{"min_assurance": nil}, true},
		"older recordings":    {map[string]any{"tolerance_past": "600s"}, true},
		"clocks further off":  {map[string]any{"tolerance_future": "600s"}, true},
		"everybody's address": {map[string]any{"allow_cidrs": nil}, true},
		"more addresses":      {map[string]any{"allow_cidrs": []any{"192.0.2.0/23"}}, true},
		"fewer addresses":     {map[string]any{"allow_cidrs": []any{"192.0.2.128/25"}}, true},
		"younger recordings":  {map[string]any{"tolerance_past": "30s"}, false},
		"a window":            {map[string]any{"window": "1h"}, false},
		"paused":              {map[string]any{"paused": true}, true},
		"a floor":             {map[string]any{"severity_floor": "critical"}, true},
		"only stored":         {map[string]any{"handler": "store"}, true},
		"an event stored":     {map[string]any{"handlers": map[string]any{"incident.triggered": "store"}}, true},
		"fewer an hour":       {map[string]any{"hard_cap": 100.0}, true},
		"another channel":     {map[string]any{"channel": "C0ALERTS02"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			v, err := b.Check(t.Context(), set("pd", tc.fields))
			require.NoError(t, err)
			assert.Equal(t, tc.weaker, v.SecondPerson, v.Why)
			assert.Equal(t, tc.weaker, v.Why != "")
		})
	}
}

func TestSetSaysWhatChanged(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, b *bench) {
		b.approved(t, add("dd", map[string]any{"provider": "datadog", "window": "30m", "burst": 50.0}))
		c := set("dd", map[string]any{"window": "1h", "burst": nil, "rate": 200.0, "debounce": nil})
		c.Revision, c.Reason = 7, "quieter"
		var conflict *registry.ConflictError
		require.ErrorAs(t, b.refused(t, c), &conflict)
		assert.Equal(t, int64(1), conflict.Have)
		c.Revision = 1
		a, err := b.Apply(t.Context(), registry.Order{Change: c, By: asker})
		require.NoError(t, err)
		assert.Equal(t, map[string]string{
			"window": "30m -> 1h", "burst": "50 -> default", "rate": "default -> 200", "reason": "quieter", "revision": "1",
		}, a.Entry.Detail)
		s := b.loaded(t).Sources[0].Source
		assert.Equal(t, time.Hour, s.Window)
		assert.Equal(t, 200, s.Burst)
		require.ErrorIs(t, b.refused(t, set("dd", map[string]any{"window": "1h"})), registry.ErrUnchanged)
	})
}

func TestOnePersonAlone(t *testing.T) {
	t.Parallel()
	b := newBench(t, sqlite(t), func(o *registry.Options) { o.SingleOperator = true })
	a, err := b.Apply(t.Context(), registry.Order{Change: add("dd", map[string]any{"provider": "datadog"}), By: asker})
	require.NoError(t, err)
	assert.Equal(t, "true", a.Entry.Detail["single_operator"], "every use of the switch is in the log")
}

func TestTheFileWins(t *testing.T) {
	t.Parallel()
	b := newBench(t, sqlite(t))
	require.ErrorIs(t, b.refused(t, add("slack", map[string]any{"provider": "slack"})), registry.ErrReadOnly)
	require.ErrorIs(t, b.refused(t, set("slack", nil)), registry.ErrReadOnly)
	b.approved(t, add("dd", map[string]any{"provider": "datadog"}))
	later := reopened(t, b, func(o *registry.Options) {
		o.File = append(o.File, config.DefaultSource("dd", "datadog", config.Secret(secret("g"))))
	})
	views, err := later.List(t.Context())
	require.NoError(t, err)
	require.Len(t, views, 3)
	assert.Equal(t, []any{"dd", registry.OriginFile, false}, []any{views[0].Name, views[0].Origin, views[0].Hidden})
	assert.Equal(t, []any{"dd", registry.OriginDatabase, true}, []any{views[1].Name, views[1].Origin, views[1].Hidden})
	v, err := later.Get(t.Context(), "dd")
	require.NoError(t, err)
	assert.Equal(t, providers.SecretID(secret("g")), v.Secrets[0].ID)
	_, err = later.Get(t.Context(), "nobody")
	require.ErrorIs(t, err, registry.ErrNotFound)
}

func TestARotation(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, b *bench) {
		b.approved(t, add("dd", map[string]any{"provider": "datadog"}))
		b.proves(t, "dd", b.id(t, "a"), at)
		last := contract.Change{Action: contract.ActionSecretRemove, Target: "dd", SecretID: b.id(t, "a")}
		require.ErrorContains(t, b.refused(t, last), "last secret")

		b.clock.Advance(time.Hour)
		rotate := contract.Change{Action: contract.ActionSecretAdd, Target: "dd", Secret: secret("b")}
		b.approved(t, rotate)
		require.ErrorContains(t, b.refused(t, rotate), "has already")
		s := b.loaded(t).Sources[0].Source
		require.Len(t, s.Secrets, 2, "both work")
		assert.Equal(t, secret("b"), s.Secrets[0].Value.Reveal(), "the newest first")

		view := b.get(t, "dd")
		assert.Contains(t, view.Secrets[0].Note, "proved nothing yet")
		assert.Contains(t, view.Secrets[1].Note, "still uses it")
		assert.Equal(t, at, view.Secrets[1].LastUsed)

		var force *registry.ForceError
		require.ErrorAs(t, b.refused(t, last), &force, "it was used within 7 days")
		forced := last
		forced.Force = true
		v, err := b.Check(t.Context(), forced)
		require.NoError(t, err)
		assert.NotEmpty(t, v.Warnings)

		b.clock.Advance(8 * 24 * time.Hour)
		assert.Empty(t, b.get(t, "dd").Secrets[1].Note, "nobody has shown that it has the new one")
		b.proves(t, "dd", b.id(t, "b"), b.clock.Now())
		assert.Equal(t, registry.SafeToRemove, b.get(t, "dd").Secrets[1].Note)
		b.approved(t, last)
		s = b.loaded(t).Sources[0].Source
		require.Len(t, s.Secrets, 1)
		assert.Equal(t, secret("b"), s.Secrets[0].Value.Reveal())
		assert.Equal(t, registry.SecretRemoved, b.get(t, "dd").Secrets[1].State)
		require.ErrorContains(t, b.refused(t, last), "no secret")
	})
}

// A secret that comes back has another name, and one from before names were made
// by chance keeps the one that it has.
func TestNamesOfSecrets(t *testing.T) {
	t.Parallel()
	b := newBench(t, sqlite(t))
	b.approved(t, add("dd", map[string]any{"provider": "datadog"}))
	first := b.id(t, "a")
	b.approved(t, contract.Change{Action: contract.ActionSecretAdd, Target: "dd", Secret: secret("b")})
	b.approved(t, contract.Change{Action: contract.ActionSecretRemove, Target: "dd", SecretID: first})
	b.approved(t, contract.Change{Action: contract.ActionSecretAdd, Target: "dd", Secret: secret("a")})
	assert.NotEqual(t, first, b.id(t, "a"))

	old := providers.SecretID(secret("o"))
	sealed, err := b.sealer.Seal([]byte(secret("o")), []byte("nerve/source/dd/secret/"+old))
	require.NoError(t, err)
	set, err := b.store.SealedSources(t.Context())
	require.NoError(t, err)
	_, _, err = b.store.WriteSource(t.Context(), &audit.Entry{Actor: asker, Action: "test", Target: "dd"}, record.SourceWrite{
		Source: set.Sources[0], Expect: set.Sources[0].Revision, Add: []record.SourceSecret{{ID: old, Sealed: sealed}},
	})
	require.NoError(t, err)
	require.ErrorContains(t, b.refused(t, contract.Change{Action: contract.ActionSecretAdd, Target: "dd", Secret: secret("o")}), "has already ("+old+")")
	for _, secret := range registry.ProviderConfig(b.loaded(t).Sources[0].Source, nil).Secrets {
		assert.Equal(t, "secret "+secret.ID, secret.String())
	}
}

func (b *bench) get(t *testing.T, name string) registry.View {
	t.Helper()
	v, err := b.Get(t.Context(), name)
	require.NoError(t, err)
	return v
}

func TestASecretCanHaveItsTime(t *testing.T) {
	t.Parallel()
	b := newBench(t, sqlite(t))
	b.approved(t, add("dd", map[string]any{"provider": "datadog"}))
	b.clock.Advance(time.Minute)
	c := contract.Change{Action: contract.ActionSecretAdd, Target: "dd", Secret: secret("b"), Fields: map[string]any{"not_before": "2026-04-01", "not_after": "2026-03-01"}}
	require.ErrorContains(t, b.refused(t, c), "not_after")
	c.Fields["not_before"], c.Fields["not_after"] = nil, "2020-01-01"
	require.ErrorContains(t, b.refused(t, c), "not_after: is over", "it would prove nothing")
	c.Fields["not_before"] = "2026-04-01"
	assert.NotContains(t, (&registry.ConflictError{Seen: 14}).Error(), "revision 0", "who was overtaken is not told of a revision that is none")
	c.Fields["not_after"] = "2026-05-01"
	b.approved(t, c)
	s := b.loaded(t).Sources[0].Source
	assert.Equal(t, time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC), s.Secrets[0].NotBefore)
	assert.Equal(t, registry.SecretNotYet, b.get(t, "dd").Secrets[0].State)
	err := b.refused(t, contract.Change{Action: contract.ActionSecretRemove, Target: "dd", SecretID: b.id(t, "a")})
	require.ErrorContains(t, err, "last secret that counts", "the other one does not count yet")
}

func TestWindowsAreForgotten(t *testing.T) {
	t.Parallel()
	b := newBench(t, sqlite(t))
	purge := contract.Change{Action: contract.ActionPurgeWindows, Target: "slack"}
	v, err := b.Check(t.Context(), purge)
	require.NoError(t, err)
	assert.False(t, v.SecondPerson)
	_, err = b.Apply(t.Context(), registry.Order{Change: purge, By: asker})
	require.NoError(t, err)
	assert.Equal(t, map[string]int64{"slack": 1}, b.loaded(t).Epochs, "also of a source of the file")
	var soon *record.PurgeError
	require.ErrorAs(t, b.refused(t, purge), &soon)
	b.clock.Advance(time.Hour)
	_, err = b.Apply(t.Context(), registry.Order{Change: purge, By: asker})
	require.NoError(t, err)
	purge.Target = "nobody"
	require.ErrorIs(t, b.refused(t, purge), registry.ErrNotFound)
}

// A broken source is broken alone, is told with its error, and can be mended.
func TestABrokenSourceIsBrokenAlone(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, b *bench) {
		b.approved(t, add("dd", map[string]any{"provider": "datadog"}))
		b.approved(t, add("gone", map[string]any{"provider": "datadog"}))
		before, err := b.store.SealedSources(t.Context())
		require.NoError(t, err)
		source := before.Sources[1]
		source.Provider, source.Secrets = "withdrawn", nil
		e := audit.Entry{Actor: asker, Action: "source.set", Target: "gone"}
		_, _, err = b.store.WriteSource(t.Context(), &e, record.SourceWrite{Source: source, Expect: source.Revision})
		require.NoError(t, err)

		l := b.loaded(t)
		require.NoError(t, l.Sources[0].Err)
		require.ErrorContains(t, l.Sources[1].Err, "withdrawn")
		assert.Empty(t, l.Sources[1].Source.Secrets)
		assert.Contains(t, b.get(t, "gone").Error, "withdrawn")
		b.approved(t, set("gone", map[string]any{"provider": "datadog"}))
		require.NoError(t, b.loaded(t).Sources[1].Err)

		other := registry.Open(before, newSealer(t), config.DefaultSource("", ""))
		require.ErrorContains(t, other.Sources[0].Err, "another keyset")
	})
}

// A sealed secret that was copied to another source, or under another id, does
// not open there.
func TestASecretIsBoundToItsPlace(t *testing.T) {
	t.Parallel()
	b := newBench(t, sqlite(t))
	b.approved(t, add("one", map[string]any{"provider": "datadog"}))
	all, err := b.store.SealedSources(t.Context())
	require.NoError(t, err)
	moved := all
	moved.Sources[0].Name = "two"
	require.ErrorContains(t, registry.Open(moved, b.sealer, config.DefaultSource("", "")).Sources[0].Err, "cannot be opened")
	moved.Sources[0].Name, moved.Sources[0].Secrets[0].ID = "one", "ffffffff"
	require.ErrorContains(t, registry.Open(moved, b.sealer, config.DefaultSource("", "")).Sources[0].Err, "cannot be opened")
}

func TestTheKeysOfTasksAreShownWhereTheyCount(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, b *bench) {
		keys := map[string]any{
			"provider": "standard_webhooks", "output_hosts": []any{"replicate.delivery"}, "output_types": []any{"image/png"}, "output_max": "1MiB",
			"task_notices": "failures", "task_patience": "2h", "require_known": true,
		}
		c := add("models", keys)
		c.Secret = "whsec_" + base64.StdEncoding.EncodeToString([]byte(secret("k")))
		b.approved(t, c)
		v, err := b.Get(t.Context(), "models")
		require.NoError(t, err)
		assert.Nil(t, v.Effective.Tasks, "it raises incidents, and has no tasks")
		for _, fields := range []map[string]any{
			{"handlers": map[string]any{"prediction.succeeded": "task_result"}},
			{"handlers": nil, "handler": "task_result"},
		} {
			b.approved(t, set("models", fields))
			v, err = b.Get(t.Context(), "models")
			require.NoError(t, err)
			assert.Equal(t, &registry.EffectiveTasks{
				OutputHosts: []string{"replicate.delivery"}, OutputTypes: []string{"image/png"}, OutputMax: 1 << 20,
				TaskNotices: "failures", TaskPatience: "2h0m0s", RequireKnown: true,
			}, v.Effective.Tasks)
		}
	})
}

func TestAMappingInTheDatabase(t *testing.T) {
	t.Parallel()
	b := newBench(t, sqlite(t))
	mapping := "title: Batch jobs\nverify: [{use: token}]\nwindow: 20m\nsecret_min: 12\nshapes:\n- {title: body.title}\n"
	c := add("batch-jobs", map[string]any{"mapping": mapping})
	c.Secret = strings.Repeat("s", 12)
	b.approved(t, c)
	s := b.loaded(t).Sources[0]
	require.NoError(t, s.Err)
	assert.Equal(t, 20*time.Minute, s.Source.Window, "the mapping's own default")
	spec, err := registry.SpecOf(s.Source)
	require.NoError(t, err)
	_, err = spec.New(registry.ProviderConfig(s.Source, nil))
	require.NoError(t, err)
	assert.Equal(t, "batch-jobs", b.get(t, "batch-jobs").Provider)
}

func TestPagerDutyFoldsForLonger(t *testing.T) {
	t.Parallel()
	b := newBench(t, sqlite(t))
	b.approved(t, add("pd", map[string]any{"provider": "pagerduty", "allow_cidrs": []any{"192.0.2.7"}}))
	s := b.loaded(t).Sources[0].Source
	assert.Equal(t, 30*time.Minute, s.Window)
	assert.Equal(t, []netip.Prefix{netip.MustParsePrefix("192.0.2.7/32")}, s.AllowCIDRs)
}

// No secret is where somebody could read it: not in the database's files, not in
// a view, not in the log.
func TestNoSecretLeaks(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := newBench(t, "sqlite://"+filepath.Join(dir, "nerve.db"))
	b.approved(t, add("dd", map[string]any{"provider": "datadog"}))
	b.approved(t, contract.Change{Action: contract.ActionSecretAdd, Target: "dd", Secret: secret("b")})
	b.approved(t, contract.Change{Action: contract.ActionSecretRemove, Target: "dd", SecretID: b.id(t, "a")})
	kept := b.id(t, "b")
	views, err := b.List(t.Context())
	require.NoError(t, err)
	shown, err := json.Marshal(views)
	require.NoError(t, err)
	found := 0
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	require.NoError(t, err)
	for _, f := range files {
		raw, err := os.ReadFile(f)
		require.NoError(t, err)
		if strings.Contains(string(raw), kept) {
			found++
		}
		shown = append(shown, raw...)
	}
	assert.NotZero(t, found, "the ids are there, so the files are the right ones")
	for _, s := range []string{secret("a"), secret("b")} {
		assert.NotContains(t, string(shown)+b.log.String(), s)
		assert.NotContains(t, string(shown)+b.log.String(), s[:20])
		assert.NotContains(t, string(shown)+b.log.String(), providers.SecretID(s), "a guess could be tried on it")
	}
}

func sqlite(t *testing.T) string {
	t.Helper()
	return "sqlite://" + filepath.Join(t.TempDir(), "nerve.db")
}

// reopened is another registry on the database of one.
func reopened(t *testing.T, b *bench, change func(*registry.Options)) *registry.Registry {
	t.Helper()
	o := b.Options
	change(&o)
	r, err := registry.New(o)
	require.NoError(t, err)
	return r
}
