package privacy

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// A value that its name does not stand directly before, as people and programs
// write it.
func TestTextReplacesValuesBesideTheirLabel(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		// on the next line
		"password:\n  hunter2hunter\nhost: db":        "password:\n  <SECRET>\nhost: db",
		"password:\r\n\thunter2":                      "password:\r\n\t<SECRET>",
		"password:\n\n> hunter2":                      "password:\n\n> <SECRET>",
		"*Password:*\nhunter2\n*Host:*\nweb-03":       "*Password:*\n<SECRET>\n*Host:*\nweb-03",
		"*Password*:\ncorrecthorse":                   "*Password*:\n<SECRET>",
		"**API key:**\n`abc123`":                      "**API key:**\n`<SECRET>`",
		"DB password:\n```\nhunter2\n```":             "DB password:\n```\n<SECRET>\n```",
		"password:\n```hunter2```":                    "password:\n```<SECRET>```",
		"token=\nabc123":                              "token=\n<SECRET>",
		"token:\n  - abc123":                          "token:\n  - <SECRET>",
		"\"password\":\n  \"hunter 2\",\n\"a\": 1":    "\"password\":\n  \"<SECRET>\",\n\"a\": 1",
		`{"text":"password:\n  hunter2hunter"}`:       `{"text":"password:\n  <SECRET>"}`,
		`password:\r\nhunter2\r\nhost`:                `password:\r\n<SECRET>\r\nhost`,
		"body=password%3A%0Ahunter2%0A":               "body=password%3A%0A<SECRET>%0A",
		"Password:<br>hunter2<br>":                    "Password:<br><SECRET><br>",
		"Authorization:\n  Bearer abc":                "Authorization:\n  Bearer <SECRET>",
		"password: |\n  hunter2\n  more\nhost: db":    "password: |\n  <SECRET>\nhost: db",
		"a:\n  token: >-\n    abc def\n    g\n  b: c": "a:\n  token: >-\n    <SECRET>\n  b: c",
		"my password is:\nhunter2":                    "my password is:\n<SECRET>",

		// behind the marks of a label
		"*Password:* hunter2":                                           "*Password:* <SECRET>",
		"**Password:** hunter2":                                         "**Password:** <SECRET>",
		"_Password:_ hunter2":                                           "_Password:_ <SECRET>",
		"<b>Password:</b> hunter2":                                      "<b>Password:</b> <SECRET>",
		"<strong>Password</strong>: hunter2":                            "<strong>Password</strong>: <SECRET>",
		"<td>Password</td><td>hunter2</td>":                             "<td>Password</td><td><SECRET></td>",
		"<td>Password:</td>\n<td class=\"x\">hunter2</td>":              "<td>Password:</td>\n<td class=\"x\"><SECRET></td>",
		"<key>password</key>\n  <string>hunter2</string>":               "<key>password</key>\n  <string><SECRET></string>",
		"password: ```hunter2```":                                       "password: ```<SECRET>```",
		"my password is: hunter2":                                       "my password is: <SECRET>",
		"password -> hunter2":                                           "password -> <SECRET>",
		"my password was hunter2":                                       "my password was <SECRET>",
		"mein Passwort ist hunter2":                                     "mein Passwort ist <SECRET>",
		"Kennwort: hunter2, senha: hunter2, mot de passe : hunter2":     "Kennwort: <SECRET>, senha: <SECRET>, mot de passe : <SECRET>",
		"SSHPASS=hunter2 REDISCLI_AUTH=hunter2":                         "SSHPASS=<SECRET> REDISCLI_AUTH=<SECRET>",
		"Authorization: SSWS 00abc":                                     "Authorization: SSWS <SECRET>",
		"Authorization: Unheard 00abc":                                  "Authorization: <SECRET> <SECRET>",
		`{"name":"DB_PASSWORD","value":"hunter2"}`:                      `{"name":"DB_PASSWORD","value":"<SECRET>"}`,
		`{\"key\": \"api_key\", \"value\": \"abc\"}`:                    `{\"key\": \"api_key\", \"value\": \"<SECRET>\"}`,
		`{"title":"Root password","value":"hunter2","short":true}`:      `{"title":"Root password","value":"<SECRET>","short":true}`,
		"- name: DB_PASSWORD\n  value: hunter2\n- name: A\n  value: b2": "- name: DB_PASSWORD\n  value: <SECRET>\n- name: A\n  value: b2",
		`h.Set("Authorization", "Bearer abcdef")`:                       `h.Set("Authorization", "Bearer <SECRET>")`,
		`os.putenv('DB_PASSWORD', 'hunter2')`:                           `os.putenv('DB_PASSWORD', '<SECRET>')`,
		"CREATE USER joe IDENTIFIED BY 'hunter2'":                       "CREATE USER joe IDENTIFIED BY '<SECRET>'",
		`alter user 'joe' identified by "hunter2"`:                      `alter user 'joe' identified by "<SECRET>"`,
		"ALTER ROLE joe PASSWORD 'hunter2';":                            "ALTER ROLE joe PASSWORD '<SECRET>';",
		"machine x login joe password hunter2":                          "machine x login joe password <SECRET>",
		"requirepass hunter2":                                           "requirepass <SECRET>",
	} {
		assert.Equal(t, want, shape(NewScrubber().Text(testSalt, in)), in)
	}
}

// What follows a secret's name without being its value.
func TestTextKeepsWhatIsNoValue(t *testing.T) {
	t.Parallel()
	s := NewScrubber()
	for _, in := range []string{
		"Error: invalid token:\nRetrying",
		"Unexpected token:\n    at Parser.parse (web2.js:10:3)",
		"token:\n  enabled: true\n  ttl: 5m2",
		"token:\n  ttl5m:\n    x",
		"password=\nHOST=web-03",
		"password:\n\n\nweb-03 is down",
		"token:\n---\n5 errors",
		"secret:\nhttps://vault.example.com/ui/2",
		"*Token:*\nexpired",
		"invalid token:\nIt's 5 minutes late",
		"| Token: |\n| a1 |",
		"| proof | `?token=` |\n| `a` | b |",
		"password: |",
		"`token`: the source's token",
		"<th>Password</th><th>Username</th>",
		"<title>Reset password</title>\n<p>hello</p>",
		`{"name":"REPLICAS","value":"3"}, {"name":"checkout","value":"web-03"}`,
		`{"name":"token_count","value":12}`,
		`["username","password","address1"]`,
		`f("tokens", "a1")`,
		`MountVolume.SetUp failed: secret "regcred" not found`,
		"Failed password for root from 10.0.0.1 port 22 ssh2",
		"password reset, password 12345, password policy web-03, new password required",
		`column password "must not be empty"`,
		"sorted by 'name2', grouped by \"host1\"",
		"the token was revoked, the secret is missing",
		"Authorization: failed",
		"the disk is: full",
		"**binaryauthorization:** start to generate, **token:** fix the refresh",
		"when the token was *issued*. A secret is `kept`",
	} {
		assert.Equal(t, in, s.Text(testSalt, in))
	}
}

func TestTextReplacesKeysThatWereCut(t *testing.T) {
	t.Parallel()
	s, line := NewScrubber(), rep("", "MIIEpAIBAAKCAQEA", 4)
	foot := "-----END RSA " + "PRIVATE KEY-----"
	assert.Equal(t, "log: <SECRET> after", shape(s.Text(testSalt, "log: "+line+"\n"+line+"\nAbc=\n"+foot+" after")))
	assert.Equal(t, "<SECRET>", shape(s.Text(testSalt, line+`\n`+line+`\n`+foot)))
	assert.Equal(t, "k=<SECRET>&a=1", shape(s.Text(testSalt,
		"k="+strings.ReplaceAll("-----BEGIN RSA "+"PRIVATE KEY-----\n"+line+"\n"+foot, " ", "%20")+"&a=1")))
	public := "-----BEGIN PUBLIC KEY-----\n" + line + "\n-----END PUBLIC KEY-----"
	assert.Equal(t, public, s.Text(testSalt, public))
}
