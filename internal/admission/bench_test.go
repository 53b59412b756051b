package admission

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/nerve-alerts/nerve/internal/contract"
)

// entry is a delivery of the usual size: a sealed body of 2 KB.
func entry() contract.Delivery {
	return contract.Delivery{
		ID: "01890a5d-ac96-774b-bcce-b302099a8057", Source: "datadog-prod", Provider: "datadog", Status: 200,
		SHA256: strings.Repeat("ab", 32), Sealed: []byte(strings.Repeat("x", 2048)),
	}
}

func benchAdmission(b *testing.B) *Admission {
	b.Helper()
	client := connect(b, sharedServer(b))
	b.Cleanup(func() { client.FlushAll(b.Context()) })
	return open(b, client, func(o *Options) { o.MaxDeliveries = 1 << 40 })
}

var limitless = Limits{RatePerMin: 1 << 30, Burst: 1 << 30, HardCap: 1 << 40}

func BenchmarkAdmitNewAndConfirm(b *testing.B) {
	a, e := benchAdmission(b), entry()
	var n atomic.Int64
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			id := fmt.Sprint(n.Add(1))
			c := Claim{Source: "s", WorkflowID: id, IncidentID: id, DeliveryID: id, Window: id, Limits: limitless}
			d, err := a.Admit(b.Context(), c, e)
			if err != nil || d.Verdict != New || d.Local {
				b.Errorf("%+v %v", d, err)
				return
			}
			if err := a.Confirm(b.Context(), c, e); err != nil {
				b.Error(err)
			}
		}
	})
}

func BenchmarkAdmitRepeat(b *testing.B) {
	a, e := benchAdmission(b), entry()
	c := Claim{Source: "s", WorkflowID: "wf", IncidentID: "i", Window: "w", Limits: limitless}
	c.Limits.WindowTTL = 1 << 55
	if _, err := a.Admit(b.Context(), c, e); err != nil {
		b.Fatal(err)
	}
	if err := a.Confirm(b.Context(), c, e); err != nil {
		b.Fatal(err)
	}
	var n atomic.Int64
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			c := c
			c.DeliveryID = fmt.Sprint(n.Add(1))
			d, err := a.Admit(b.Context(), c, e)
			if err != nil || d.Verdict != Repeat || d.Local {
				b.Errorf("%+v %v", d, err)
				return
			}
		}
	})
}

// BenchmarkPing is the limit: one round trip that does nothing.
func BenchmarkPing(b *testing.B) {
	client := connect(b, sharedServer(b))
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := client.Ping(b.Context()).Err(); err != nil {
				b.Error(err)
			}
		}
	})
}

func BenchmarkAdmitLocally(b *testing.B) {
	a, e := open(b, connect(b, "127.0.0.1:1")), entry()
	a.outage.away.Store(true)
	c := Claim{Source: "s", WorkflowID: "wf", IncidentID: "i", Window: "w", Limits: limitless}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := a.Admit(b.Context(), c, e); err != nil {
			b.Fatal(err)
		}
	}
}
