package privacy

import (
	"slices"
	"strings"
)

// secretNames end the name of a field whose value is always a secret. They are
// compared without case and joints: DB_PASSWORD, clientSecret, X-Api-Key.
var secretNames = []string{
	"password", "passwd", "passwort", "passphrase", "passcode", "secret", "token", "apikey", "accesskey", "secretkey",
	"privatekey", "signingkey", "encryptionkey", "authkey", "applicationkey", "appkey", "accountkey", "sharedkey",
	"masterkey", "licensekey", "authorization", "cookie",
	"kennwort", "motdepasse", "contrasena", "wachtwoord",
	"sshpass", "dbpass", "userpass", "rootpass", "adminpass", "mysqlpass", "smtppass", "storepass", "keypass", "rediscliauth",
}

// secretWords are the same, where they are a whole word: "pwd", not "cwpwd".
var secretWords = []string{"pwd", "pass", "pw", "otp", "cvv", "cvc", "pin", "senha", "passe"}

// foreignNames are names of passwords that are not in ASCII.
var foreignNames = []string{
	"密码", "密碼", "口令", "パスワード", "비밀번호", "пароль", "Пароль", "contraseña", "Contraseña", "hasło", "Hasło", "şifre", "Şifre",
}

// codeWords are those of them whose value is a short number. OTP is also a
// platform, and a pin may be on a chip.
var codeWords = []string{"otp", "cvv", "cvc", "pin"}

// randomNames end the name of a field that is a secret when its value is long
// and random. "signature: invalid" and "routing_key=orders" are not.
var randomNames = []string{
	"signature", "sig", "credential", "credentials", "sessionid", "sessid", "session", "sessionkey", "auth",
	"routingkey", "servicekey", "integrationkey", "connectionstring", "webhookkey", "hmac", "bearer",
}

// minRandom is the shortest value that counts as random.
const minRandom = 16

// plainWords are values that say something about a secret instead of being it.
var plainWords = func() map[string]bool {
	set := map[string]bool{}
	for w := range strings.FieldsSeq(`true false null nil none undefined unknown empty unset missing required optional
		invalid valid expired revoked rejected denied failed failure incorrect wrong mismatch changed rotated reset
		not is was has for must the a an no yes on off and or of in to from with without cannot could error ok
		malformed unexpected eof unauthorized unauthenticated forbidden timeout stale
		redacted filtered masked hidden removed secret password token string bearer basic default`) {
		set[w] = true
	}
	return set
}()

// nameClass says how much a field's name tells about its value.
type nameClass int

const (
	notSecret    nameClass = iota
	randomSecret           // secret when the value is random
	alwaysSecret
)

// nameRule is one entry of the tables above.
type nameRule struct {
	ending string
	word   bool
	class  nameClass
}

// nameRules holds the rules by the last letter of the name they are about, so
// that most names are let go after one look.
var nameRules = func() (t [256][]nameRule) {
	add := func(names []string, word bool, c nameClass) {
		for _, n := range names {
			lower := n[len(n)-1]
			for _, last := range []byte{lower, lower - 'a' + 'A'} {
				t[last] = append(t[last], nameRule{n, word, c})
			}
		}
	}
	add(secretNames, false, alwaysSecret)
	add(secretWords, true, alwaysSecret)
	add(randomNames, false, randomSecret)
	return t
}()

// secretName classes a field by its name.
func secretName(name string) nameClass {
	name = strings.TrimRight(name, "-_.~")
	if name == "" {
		return notSecret
	}
	if !only(name, ascii) && slices.Contains(foreignNames, name) {
		return alwaysSecret
	}
	for _, r := range nameRules[name[len(name)-1]] {
		if r.word && endsInWord(name, r.ending) || !r.word && endsIn(name, r.ending) {
			return r.class
		}
	}
	return notSecret
}

// endsIn reports whether a name ends in want, whatever its case and whatever
// joins its words: client_secret-KEY ends in "secretkey".
func endsIn(name, want string) bool {
	i := len(name)
	for n := len(want) - 1; n >= 0; n-- {
		for i > 0 && strings.IndexByte("_-. ", name[i-1]) >= 0 {
			i--
		}
		if i == 0 || name[i-1]|0x20 != want[n] {
			return false
		}
		i--
	}
	return true
}

// endsInWord reports whether the last word of a name, in snake_case, kebab-case
// or camelCase, is w.
func endsInWord(name, w string) bool {
	if len(name) < len(w) || !strings.EqualFold(name[len(name)-len(w):], w) {
		return false
	}
	head := name[:len(name)-len(w)]
	if head == "" || !isAlnum(head[len(head)-1]) {
		return true
	}
	return classes[name[len(head)]]&uppers != 0 && classes[head[len(head)-1]]&uppers == 0
}

// isSecretValue reports whether a field of this name and value holds a secret.
func isSecretValue(name, value string) bool {
	switch secretName(name) {
	case alwaysSecret:
		if (endsInWord(name, "pass") || endsInWord(name, "passe")) && (only(value, digits) || only(value, letters)) {
			return false // pass=12 fail=3
		}
		for _, w := range codeWords {
			if endsInWord(name, w) {
				return only(value, digits) && len(value) >= 3 && len(value) <= 8
			}
		}
		if endsInWord(name, "pwd") && strings.HasPrefix(value, "/") {
			return false // the shell's working directory
		}
		return !placeholder(value)
	case randomSecret:
		if _, password, ok := strings.Cut(value, ":"); ok && (endsInWord(name, "credentials") || endsInWord(name, "credential")) {
			return lettersAndDigits(password) && strings.IndexByte(value, '/') < 0 // credentials: user:password
		}
		return len(value) >= minRandom && lettersAndDigits(value) && !placeholder(value)
	case notSecret:
	}
	return false
}

// placeholder reports whether a value stands for a secret without being one:
// ${DB_PASSWORD}, {{ token }}, $1, ****, [FILTERED], "expired".
func placeholder(value string) bool {
	bare := strings.Trim(value, "[]{}()<>*.!?:")
	switch {
	case bare == "" || strings.Trim(bare, "xX*•-…") == "" || strings.Trim(bare, ",;:|/=") == "":
		return true
	case strings.HasPrefix(value, "${"), strings.HasPrefix(value, "{{"):
		return true
	case value == "%s", value == "%v", value[0] == '$' && only(value[1:], digits):
		return true // of a format, and of a statement: password = $1
	default:
		return plainWords[strings.ToLower(bare)]
	}
}
