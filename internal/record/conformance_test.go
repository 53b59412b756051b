package record_test

import (
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/record"
	"github.com/nerve-alerts/nerve/internal/testkit"
)

// at is a time that no rounding to milliseconds or seconds survives.
var at = time.Date(2026, 3, 4, 5, 6, 7, 123456000, time.UTC)

// onBoth runs a test on an empty store of each kind: what one database does,
// the other does.
func onBoth(t *testing.T, test func(t *testing.T, s *record.Store)) {
	t.Helper()
	for _, kind := range []string{"sqlite", "postgres"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			test(t, open(t, newURL(t, kind)))
		})
	}
}

func newURL(t *testing.T, kind string) string {
	t.Helper()
	if kind == "postgres" {
		return testkit.Postgres(t)
	}
	return "sqlite://" + filepath.Join(t.TempDir(), "nerve.db")
}

func open(t *testing.T, url string) *record.Store {
	t.Helper()
	s, err := record.Open(t.Context(), url, testkit.Logger(t))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	return s
}

// opened is an incident with what it cannot do without.
func opened(id string, version int64) record.Incident {
	return record.Incident{
		ID: id, Version: version, Source: "datadog-prod", Status: incident.StatusFiring,
		Title: "Checkout latency is high", Fingerprint: "f00d", OpenedAt: at, LastSeenAt: at,
	}
}

// filled sets every field of a struct, at any depth, to something that is not
// zero and not the same twice, so that a field that a store forgets is found.
func filled[T any]() T {
	var value T
	n := 0
	fill(reflect.ValueOf(&value).Elem(), &n)
	return value
}

func fill(v reflect.Value, n *int) {
	*n++
	switch v.Kind() {
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(at.Add(time.Duration(*n) * time.Microsecond)))
			return
		}
		for field, f := range v.Fields() {
			if field.Tag.Get("json") != "-" { // what is not encoded is not kept
				fill(f, n)
			}
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), n)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0), n)
		fill(v.Index(1), n)
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key, n)
		fill(value, n)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.String:
		v.SetString("it's \"a\" \\ ? ü 火 $1 " + string(rune('a'+*n%26)))
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(*n))
	case reflect.Float64:
		v.SetFloat(float64(*n) + 0.5)
	case reflect.Uint8:
		v.SetUint(uint64(*n % 256))
	case reflect.Bool:
		v.SetBool(true)
	default:
		panic("fill: a " + v.Kind().String() + " field needs a case here")
	}
}

func ids(list []record.Incident) []string {
	names := make([]string, len(list))
	for i := range list {
		names[i] = list[i].ID
	}
	return names
}

func deliveryIDs(list []contract.Delivery) []string {
	names := make([]string, len(list))
	for i := range list {
		names[i] = list[i].ID
	}
	return names
}
