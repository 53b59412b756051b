package providers_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/providers"
)

// Shapes of uptime monitors beyond their fixtures: what users write into
// templates, and what stands in a sentence only.
func TestUptimeMonitors(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		provider, body string
		status         incident.Status // empty: stored
		title, key     string
	}{
		"uptimerobot, number": {"uptimerobot", `{"monitorID": 780123, "monitorFriendlyName": "Shop", "alertType": 2}`,
			incident.StatusResolved, "Shop is up", "780123"},
		"uptimerobot, a chat's template": {"uptimerobot", `{"text": "Shop is Down", "monitor_id": "780123"}`,
			incident.StatusFiring, "Shop is Down", "780123"},
		"uptimerobot, back in a chat's template": {"uptimerobot", `{"content": "Shop is Up"}`,
			incident.StatusResolved, "Shop is Up", "shop"},
		"uptimerobot, nothing expanded but the name": {"uptimerobot",
			`{"monitorFriendlyName": "Shop", "alertType": "*alertType*", "monitorID": "*monitorID*"}`,
			incident.StatusFiring, "Shop", "Shop"},
		"checkly, names of variables": {"checkly", `{"CHECK_NAME": "Shop", "CHECK_ID": "c-1", "ALERT_TYPE": "ALERT_DEGRADED_RECOVERY", "ALERT_TITLE": "{{ALERT_TITLE}}"}`,
			incident.StatusResolved, "Shop has recovered", "c-1"},
		"healthchecks, unknown state": {"healthchecks", `{"code": "c-1", "name": "Backup", "status": "overdue"}`,
			incident.StatusFiring, "Backup is overdue", "c-1"},
		"healthchecks, JSON as text": {"healthchecks", `{"status": "up", "json": "{\"name\": \"Backup\", \"uuid\": \"u-1\"}"}`,
			incident.StatusResolved, "Backup is up", "u-1"},
		"healthchecks, the guide's template": {"healthchecks", `{"code": "c-1", "status": "down", "now": "2025-10-09T11:58:00+00:00", "check": {"name": "Backup", "uuid": "c-1", "tags": "db", "status": "down"}}`,
			incident.StatusFiring, "Backup is down", "c-1"},
		"healthchecks, old resolve": {"healthchecks", `{"incident_key": "k-1", "event_type": "resolve", "title": "Backup is DOWN"}`,
			incident.StatusResolved, "Backup is UP", "k-1"},
		"kuma, certificate": {"uptimekuma",
			`{"heartbeat": null, "monitor": null, "msg": "[Shop][https://shop.example.com] server certificate shop.example.com will expire in 7 days"}`,
			incident.StatusFiring, "[Shop][https://shop.example.com] server certificate shop.example.com will expire in 7 days",
			"[Shop][https://shop.example.com] server certificate shop.example.com"},
		"kuma, sentence": {"uptimekuma", `{"msg": "[Shop] [✅ Up] 200 - OK"}`, incident.StatusResolved, "[Shop] [✅ Up] 200 - OK", "Shop"},
		"kuma, own body": {"uptimekuma", `{"name": "Shop", "status": "🔴 Down", "hostnameOrURL": "https://shop.example.com", "msg": "[Shop] [🔴 Down] timeout"}`,
			incident.StatusFiring, "Shop is down", "Shop"},
		"kuma, own body, test": {"uptimekuma", `{"name": "Monitor Name not available", "status": "⚠️ Test", "msg": "My alert"}`, "", "", ""},
		"kuma, pending":        {"uptimekuma", `{"heartbeat": {"status": 2}, "monitor": {"id": 7, "name": "Shop"}, "msg": "x"}`, "", "", ""},
		"pingdom, message as JSON text": {"pingdom", `{"message": "{\"check\": \"4711\", \"host\": \"web-01\", \"action\": \"notify_of_close\", \"incidentid\": 1, \"description\": \"up\"}"}`,
			incident.StatusResolved, "web-01 is up", "4711"},
		"pingdom, unknown state": {"pingdom", `{"check_id": 4711, "check_name": "Shop", "current_state": "WOBBLY"}`,
			incident.StatusFiring, "Shop is wobbly", "4711"},
		"updown, one event without a list": {"updown", `{"event": "check.down", "check": {"token": "ab12", "url": "https://a.example.com"}}`,
			incident.StatusFiring, "https://a.example.com is down", "ab12"},
		"hetrix, wrapped list": {"hetrix_tools", `{"_json": [{"monitor": "192.0.2.1", "blacklisted_now": 2}]}`,
			incident.StatusFiring, "192.0.2.1 is on 2 blacklists", "192.0.2.1/blacklist"},
		"cronitor, old recovery": {"cronitor", `{"id": "Xy12", "monitor": "Shop", "rule": "request_triggered", "description": "All assertions are passing on the last 2 attempts."}`,
			incident.StatusResolved, "Shop: All assertions are passing on the last 2 attempts.", "Xy12"},
		"66uptime, new kind": {"sixty_six_uptime", `{"type": "dns", "dns_monitor_id": "9", "name": "Zone", "is_ok": false}`,
			incident.StatusFiring, "Zone is down", "dns-9"},
		"canarytoken, old": {"canarytoken", `{"memo": "Share", "channel": "DNS", "manage_url": "https://c.example.com/manage?auth=a&token=t1"}`,
			incident.StatusFiring, "Canarytoken triggered: Share", "t1"},
		"not theirs": {"pingdom", `{"not": "ours"}`, "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spec, ok := providers.Lookup(c.provider)
			require.True(t, ok)
			accepted, err := providers.Accept(build(t, spec, secret(1)), signed(t, spec, secret(1), []byte(c.body), receivedAt))
			require.NoError(t, err)
			if c.status == "" {
				assert.Empty(t, accepted.Batch.Signals)
				return
			}
			require.Len(t, accepted.Batch.Signals, 1)
			s := accepted.Batch.Signals[0]
			assert.Equal(t, c.status, s.Status)
			assert.Equal(t, c.title, s.Title)
			assert.Contains(t, s.Key.Value, c.key)
		})
	}
}
