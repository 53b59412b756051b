package admission

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/contract"
)

// FuzzAdmit gives arbitrary bytes as ids of two claims. Two claims meet exactly
// when their source and window, or their source and delivery, are the same; ids
// come back as they went in; and Redis never refuses the script.
func FuzzAdmit(f *testing.F) {
	f.Add("s", "w", "d", "wf", "i", "s", "w", "d2")
	f.Add("a", "b:c", "", "wf|1", "i|2", "a:b", "c", "")
	f.Add("a", "bc", "x", "{nerve}", "\x00", "ab", "c", "x")
	f.Add("s", "{other}", "\r\n*1\r\n", "%s", "']]", "s", "\xff\xfe", "\r\n")
	f.Add("1:s", "", "d", "pending", "done", "1", "s", "d")
	mini := miniredis.RunT(f)
	a := open(f, connect(f, mini.Addr()))
	f.Fuzz(func(t *testing.T, source, window, delivery, workflow, incident, source2, window2, delivery2 string) {
		mini.FlushAll()
		ctx := context.Background()
		first := Claim{Source: source, WorkflowID: workflow, IncidentID: incident, DeliveryID: delivery, Window: window}
		d, err := a.Admit(ctx, first, contract.Delivery{ID: delivery})
		if source == "" || workflow == "" {
			require.Error(t, err)
			return
		}
		require.NoError(t, err)
		require.Equal(t, Decision{Verdict: New, WorkflowID: workflow, IncidentID: incident, Count: 1}, d)
		require.NoError(t, a.Confirm(ctx, first, contract.Delivery{}))

		second := Claim{Source: source2, WorkflowID: "wf-2", IncidentID: "i-2", DeliveryID: delivery2, Window: window2}
		want := Decision{Verdict: New, WorkflowID: "wf-2", IncidentID: "i-2", Count: 1}
		sameWindow := source == source2 && window == window2 && window != ""
		switch {
		case source2 == "":
			return
		case source == source2 && delivery == delivery2 && delivery != "":
			want = Decision{Verdict: Duplicate, WorkflowID: workflow, IncidentID: incident}
			if sameWindow {
				want.Count = 1
			}
		case sameWindow:
			want = Decision{Verdict: Repeat, WorkflowID: workflow, IncidentID: incident, Count: 2, Tell: true}
		}
		d, err = a.Admit(ctx, second, contract.Delivery{})
		require.NoError(t, err)
		if d.Verdict == Repeat {
			require.WithinDuration(t, time.Now(), d.WindowStart, time.Minute)
			require.WithinDuration(t, time.Now().Add(defaultWindowTTL), d.WindowEnd, time.Minute)
		}
		d.WindowStart, d.WindowEnd = time.Time{}, time.Time{}
		require.Equal(t, want, d)

		for _, key := range mini.Keys() {
			require.True(t, strings.HasPrefix(key, a.opts.Prefix+":{nerve}:"), key)
			require.LessOrEqual(t, len(key), 100, "names hold hashes, never what came from outside")
			if key != a.opts.DeliveryStream {
				require.Positive(t, mini.TTL(key), "%s never ends", key)
			}
		}
	})
}
