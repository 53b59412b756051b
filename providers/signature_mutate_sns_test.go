package providers

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/stretchr/testify/require"
)

// message changes a message of SNS field by field: what is not signed there, as
// the URL to unsubscribe, is not used either.
func (m *mutation) message(c caught) {
	var fields map[string]string
	require.NoError(m.t, json.Unmarshal(c.request.Body, &fields))
	with := func(what, name, value string, drop bool) {
		changed := maps.Clone(fields)
		changed[name] = value
		if drop {
			delete(changed, name)
		}
		if pinned := strings.Contains(c.config.Secrets[0].Value, pemMark); pinned && !drop && name == "SigningCertURL" && certificateURL(value) {
			return // not fetched
		}
		other := c.copied()
		var err error
		other.request.Body, err = json.Marshal(changed)
		require.NoError(m.t, err)
		m.refuse(what+" "+name, other)
	}
	for _, name := range append(slices.Clone(snsSigned[fields["Type"]]), "Signature", "SignatureVersion", "SigningCertURL") {
		value, there := fields[name]
		if !there {
			with("an added", name, "x", false)
			continue
		}
		with("without", name, "", true)
		for i := range value {
			if bit := byte(1); value[i] < 0x80 {
				with("one bit of", name, spoilt(value, i, bit), false)
			}
		}
		for _, other := range otherSpellings(value) {
			with("another spelling of", name, other, false)
		}
	}
	for _, kind := range []string{"notification", "Confirmation", "SubscriptionConfirmation", "UnsubscribeConfirmation", "Notification", "x"} {
		if kind != fields["Type"] {
			with("another", "Type", kind, false)
		}
	}
	other := map[string]string{"1": "2", "2": "1"}[fields["SignatureVersion"]]
	for _, version := range []string{other, "0", "3", "", "v2"} {
		with("relabelled", "SignatureVersion", version, false)
	}
	pem := fields["SigningCertURL"][strings.LastIndex(fields["SigningCertURL"], "/"):]
	for _, address := range foreignCertificates(pem) {
		with("a foreign", "SigningCertURL", address, false)
	}
}

// foreignCertificates are URLs that are not Amazon SNS's, though some look it.
func foreignCertificates(file string) []string {
	return []string{
		"http://sns.us-west-2.amazonaws.com" + file, "https://sns.us-west-2.amazonaws.com.example.com" + file, "https://example.com" + file,
		"https://sns.us-west-2.amazonaws.com@example.com" + file, "https://example.com/sns.us-west-2.amazonaws.com" + file,
		"https://evil-sns.us-west-2.amazonaws.com" + file, "https://sns.us-west-2.amazonaws.com." + file, "https://x.sns.us-west-2.amazonaws.com" + file,
		"https://user@sns.us-west-2.amazonaws.com" + file, "https://sns.us-west-2.amazonaws.com:8443" + file,
		"https://sns.us-west-2.amazonaws.com" + file + "?x=1", "https://sns.us-west-2.amazonaws.com" + file + "#x", "https://s3.amazonaws.com" + file,
		"https://snsxus-west-2.amazonaws.com" + file, "https://sns.example.amazonaws.com" + file, "https://sns.us-west-2.amazonaws.com/a/.." + file,
		"https://sns.us-west-2.amazonaws.com/x.txt", "file:///etc/passwd", "https://sns.us-west-2.amazonaws.co" + file, "//sns.us-west-2.amazonaws.com" + file,
		"https://sns.us-west-2.amazonaws.com.cn.example.com" + file, "https://127.0.0.1" + file, "https://[::1]" + file, "gopher://sns.us-west-2.amazonaws.com" + file,
	}
}
