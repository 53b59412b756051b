package privacy

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestTextReplacesSecretsOfCommandLines(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"curl -u joe:hunter2 https://x":                     "curl -u <SECRET> https://x",
		"curl -s --user joe:hunter2 https://x":              "curl -s --user <SECRET> https://x",
		"curl -sSu 'joe:hunter2' https://x":                 "curl -sSu '<SECRET>' https://x",
		"/usr/bin/curl -ujoe:hunter2 https://x":             "/usr/bin/curl -u<SECRET> https://x",
		"curl https://x \\\n  -u joe:hunter2":               "curl https://x \\\n  -u <SECRET>",
		`{"cmd":"curl -u \"joe:hunter2\" https://x"}`:       `{"cmd":"curl -u \"<SECRET>\" https://x"}`,
		`$ true\ncurl --user=joe:hunter2 https://x`:         `$ true\ncurl --user=<SECRET> https://x`,
		"curl -x http://p --proxy-user joe:hunter2":         "curl -x http://p --proxy-user <SECRET>",
		"curl -u abc: https://x":                            "curl -u <SECRET> https://x",
		"http -a joe:hunter2 GET x":                         "http -a <SECRET> GET x",
		"wget --password=hunter2 --http-password h2 x":      "wget --password=<SECRET> --http-password <SECRET> x",
		"mysql -h db -uroot -phunter2 app":                  "mysql -h db -uroot -p<SECRET> app",
		"docker exec db mysqldump -p'hunter 2' app":         "docker exec db mysqldump -p'<SECRET>' app",
		"sshpass -p hunter2 ssh x; sshpass -phunter2 ssh x": "sshpass -p <SECRET> ssh x; sshpass -p<SECRET> ssh x",
		"mongosh -u joe -p hunter2 app":                     "mongosh -u joe -p <SECRET> app",
		"sudo docker login -u joe -p hunter2 r.example.com": "sudo docker login -u joe -p <SECRET> r.example.com",
		"redis-cli -h x -a hunter2 ping":                    "redis-cli -h x -a <SECRET> ping",
		"ldapsearch -D cn=x -w hunter2 -b x":                "ldapsearch -D cn=x -w <SECRET> -b x",
		"sqlcmd -S x -U sa -P hunter2":                      "sqlcmd -S x -U sa -P <SECRET>",
		"smbclient //x/y -U joe%hunter2":                    "smbclient //x/y -U <SECRET>",
		"openssl enc -k hunter2 -in a":                      "openssl enc -k <SECRET> -in a",
		"openssl rsa -passin pass:hunter -in a":             "openssl rsa -passin <SECRET> -in a",
		"app -password hunter2 -token abc":                  "app -password <SECRET> -token <SECRET>",
		"PGPASSWORD=hunter2 psql -U joe":                    "PGPASSWORD=<SECRET> psql -U joe",
	} {
		assert.Equal(t, want, shape(NewScrubber().Text(testSalt, in)), in)
	}
}

func TestTextKeepsOtherFlags(t *testing.T) {
	t.Parallel()
	s := NewScrubber()
	for _, in := range []string{
		"docker run -p 8080:80 -u 1000:1000 --user 1000:1000 nginx",
		"docker ps -a web-03; ssh -p 2222 x",
		"curl -u joe https://x; curl -u $USER:$PASS https://x",
		"curl -X POST -H 'a: b' -k https://x",
		"curl https://x | jq -a a:b",
		"ssh -p 2222 joe && mkdir -p a/b && tail -n 5 -u a:b",
		"mysql -p app; mysql -h db -P 3306 -p",
		"mysql -u root -p < dump.sql",
		"sshpass -p $SSHPASS ssh x; sshpass -e ssh -p 22 x2",
		"openssl rsa -passin env:PW -in a -passout file:/x",
		"redis-cli -h x -p 6379 info",
		"the curl exporter is down\nps -u a:b",
		"- token expired - secret store - password reset",
		"p99 -p95 -u -a -", "curl -u", "curl -u ", "mysql -p",
	} {
		assert.Equal(t, in, s.Text(testSalt, in))
	}
}

// Words are read once, however many flags there are.
func TestTextReadsACommandOnce(t *testing.T) {
	t.Parallel()
	in := "curl" + strings.Repeat(" -u -a -p", 1<<10) + " -u joe:hunter2"
	assert.True(t, strings.HasSuffix(shape(NewScrubber().Text(testSalt, in)), " -u <SECRET>"))
}
