package privacy

import (
	"strings"
)

// option is how programs take a secret on the command line.
type option struct {
	programs []string
	// sub is the command of the program that the flag belongs to.
	sub   string
	flags []string
	// pair joins user and password in the value. A value without it is a name.
	pair string
	// attached: the value may follow a short flag without a space. glued: it
	// must, because the word behind the flag is something else.
	attached, glued bool
}

// options are those whose flag does not tell by its name that it takes a
// secret: --password and --token need no table. Programs, flags and forms are
// those of the programs' manual pages.
var options = []option{
	{programs: []string{"curl"}, flags: []string{"-u", "--user", "-U", "--proxy-user"}, pair: ":", attached: true},
	{programs: []string{"http", "httpie", "xh", "hey"}, flags: []string{"-a", "--auth"}, pair: ":"},
	{programs: []string{"ab"}, flags: []string{"-A", "-P"}, pair: ":"},
	{programs: []string{
		"mysql", "mysqldump", "mysqladmin", "mysqlimport", "mysqlcheck", "mysqlbinlog", "mysqlshow", "mysqlslap", "mycli",
		"mariadb", "mariadb-dump", "mariadb-admin", "mariadb-check", "7z", "7za", "7zz",
	}, flags: []string{"-p"}, glued: true},
	{programs: []string{
		"sshpass", "mongo", "mongosh", "mongodump", "mongorestore", "mongoexport", "mongoimport", "mongostat",
	}, flags: []string{"-p"}, attached: true},
	{programs: []string{"docker", "podman", "nerdctl", "buildah", "helm", "oras", "az", "oc"}, sub: "login", flags: []string{"-p"}},
	{programs: []string{"redis-cli", "redis-benchmark", "valkey-cli", "valkey-benchmark"}, flags: []string{"-a"}},
	{programs: []string{
		"ldapsearch", "ldapmodify", "ldapadd", "ldapdelete", "ldappasswd", "ldapwhoami", "ldapcompare",
	}, flags: []string{"-w"}, attached: true},
	{programs: []string{"sqlcmd", "bcp", "mosquitto_pub", "mosquitto_sub", "ipmitool", "zip", "unzip"}, flags: []string{"-P"}}, //nolint:misspell // it is the name of a program
	{programs: []string{"smbclient", "rpcclient", "smbmap"}, flags: []string{"-U", "--user"}, pair: "%"},
	{programs: []string{"ssh", "scp", "sftp", "rsync"}}, // sshpass -e ssh -p 22
	{programs: []string{"openssl"}, flags: []string{"-k", "-K", "-passin", "-passout", "-pass"}},
	{programs: []string{"snmpget", "snmpwalk", "snmpbulkwalk", "snmpset", "snmptrap"}, flags: []string{"-A", "-X"}},
}

// programs holds the options by the name of the program.
var programs = func() map[string]*option {
	m := map[string]*option{}
	for i := range options {
		for _, p := range options[i].programs {
			m[p] = &options[i]
		}
	}
	return m
}()

// flag finds the secret behind a flag of a known program, whose first "-" is at
// i: curl -u user:password, mysql -psecret, sshpass -p secret.
func (sc *scan) flag(i int) (finding, bool) {
	text := sc.text
	if i == 0 || text[i-1] != ' ' || i+2 >= len(text) {
		return finding{}, false
	}
	end := run(text, i, tokenish)
	o := sc.program(i)
	if o == nil {
		return finding{}, false
	}
	for _, name := range o.flags {
		if strings.HasPrefix(text[i:], name) {
			if from, ok := flagValue(o, text, i+len(name)); ok {
				return sc.flagged(o, from)
			}
		}
	}
	// curl -sSu user:password
	if word := text[i+1 : end]; o.pair == ":" && o.attached && len(word) > 1 && len(word) < 8 && only(word, letters) && word[len(word)-1] == 'u' {
		return sc.flagged(o, run(text, end, spaces))
	}
	return finding{}, false
}

// flagValue returns where the value of the flag that ends at i starts.
func flagValue(o *option, text string, i int) (int, bool) {
	switch {
	case i >= len(text):
		return 0, false
	case text[i] == ' ' && !o.glued:
		return run(text, i, spaces), true
	case text[i] == '=':
		return i + 1, true
	case text[i] == ' ':
		return 0, false
	default:
		return i, o.attached || o.glued
	}
}

// flagged returns the value of an option that starts at from.
func (sc *scan) flagged(o *option, from int) (finding, bool) {
	text := sc.text
	var end int
	switch {
	case from >= len(text):
		return finding{}, false
	case text[from] == '"', text[from] == '\'':
		end = closing(text, from+1, text[from], false)
		from++
	case strings.HasPrefix(text[from:], `\"`):
		end = closing(text, from+2, '"', true)
		from += 2
	default:
		end = from
		for end < len(text) && !isSpace(text[end]) && strings.IndexByte("\"'`;|<>\\", text[end]) < 0 {
			end++
		}
	}
	value := text[from:end]
	if o.pair != "" {
		user, password, ok := strings.Cut(value, o.pair)
		return finding{from, end, kindSecret, value}, ok && len(user)+len(password) > 0 && !strings.HasPrefix(password, "$") && !strings.Contains(user, "//")
	}
	for _, from := range []string{"-", "$", "env:", "file:", "fd:", "stdin"} { // of openssl, but the first two
		if strings.HasPrefix(value, from) {
			return finding{}, false
		}
	}
	return finding{from, end, kindSecret, value}, !placeholder(value)
}

// program returns the options of the last known program in the command that i
// is in, or nil. Each word of a text is looked at once.
func (sc *scan) program(i int) *option {
	text := sc.text
	for at := max(sc.command.read, sc.floor); at < i; {
		end := at
		for end < i && classes[text[end]]&(tokenish|dotted) != 0 {
			end++
		}
		word := text[at:end]
		if at > 0 && text[at-1] == '\\' && len(word) > 1 && word[0] == 'n' {
			word, sc.command.option = word[1:], nil // JSON's \n
		}
		if o := programs[word]; o != nil && (end == i || isSpace(text[end])) {
			sc.command.option, sc.command.sub = o, o.sub == ""
		} else if sc.command.option != nil && word == sc.command.option.sub {
			sc.command.sub = true
		}
		if end < i && (strings.IndexByte(";|&", text[end]) >= 0 || text[end] == '\n' && (end == 0 || text[end-1] != '\\')) {
			sc.command.option = nil
		}
		at = end + 1
	}
	sc.command.read = i
	if !sc.command.sub {
		return nil
	}
	return sc.command.option
}
