package providers

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"
)

// snsPast is how long after its time Amazon SNS still delivers a message: a
// retry policy may last 3,600 s, and each try takes a while.
const snsPast = 65 * time.Minute

// topicARN is what a source says of the topics that may send to it: one topic,
// or with * all of an account's in a region.
var topicARN = regexp.MustCompile(`^arn:aws[a-z-]*:sns:([a-z0-9-]+):\d{12}:([A-Za-z0-9_.-]+|\*)$`)

// readTopic reads the secret of an SNS source: the topic's ARN. Anybody with an
// account at Amazon has messages signed by Amazon, so it is the topic that tells
// ours from theirs. PEM blocks may follow: a certificate that is taken instead
// of the one behind the message's URL, and its private key to play Amazon.
func readTopic(value string) (key, error) {
	arn, blocks, pinned := strings.Cut(value, pemMark)
	k := key{topic: strings.TrimSpace(arn)}
	if !topicARN.MatchString(k.topic) {
		return key{}, errors.New("is not a topic such as arn:aws:sns:eu-west-1:123456789012:alerts")
	}
	if !pinned {
		return k, nil
	}
	for rest := []byte(pemMark + blocks); len(rest) > 0; rest = bytes.TrimSpace(rest) {
		var block *pem.Block
		if bytes.HasPrefix(rest, []byte(pemMark)) {
			block, rest = pem.Decode(rest)
		}
		if block == nil {
			return key{}, errors.New("is not readable behind the topic: PEM blocks alone may follow")
		}
		part, err := keyOfBlock(block)
		if err != nil {
			return key{}, fmt.Errorf("holds a PEM block %q that is not readable", block.Type)
		}
		if part.private != nil {
			k.private = part.private
			continue
		}
		k.public = part.public
	}
	if k.public == nil && k.private != nil {
		k.public = k.private.Public()
	}
	return k, k.fits(KindRSA)
}

// allows reports whether messages of a topic are this key's.
func (k key) allows(topic string) bool {
	if prefix, ok := strings.CutSuffix(k.topic, "*"); ok {
		return strings.HasPrefix(topic, prefix) && topicARN.MatchString(topic)
	}
	return topic == k.topic
}

// sns proves messages of Amazon SNS.
type sns struct {
	Scheme
	keys      []key
	certs     *certificates
	allowWeak bool
}

// snsMark is in every signed message of SNS, and in nothing else.
const snsMark = `"SigningCertURL"`

func (s *sns) present(r *Request) bool { return bytes.Contains(r.Body, []byte(snsMark)) }

// snsSigned are the signed fields of each type of message, in the order in which
// they are signed.
var snsSigned = map[string][]string{
	"Notification":             {"Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"},
	"SubscriptionConfirmation": {"Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"},
	"UnsubscribeConfirmation":  {"Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"},
}

// snsContent is the text that Amazon signs: each field's name and value on a
// line of its own, the subject only where there is one.
func snsContent(o object) ([]byte, error) {
	kind, _ := o["Type"].(string)
	fields, ok := snsSigned[kind]
	if !ok {
		return nil, errors.New("its Type is not one that Amazon SNS documents")
	}
	var b bytes.Buffer
	for _, name := range fields {
		value, ok := o[name].(string)
		if !ok {
			if name == "Subject" && o[name] == nil {
				continue
			}
			return nil, fmt.Errorf("%s is missing", name)
		}
		// Only a message has lines. In another field one could begin the next
		// field, so that two messages would be signed as the same text.
		if name != "Message" && strings.Contains(value, "\n") {
			return nil, fmt.Errorf("%s holds a line break", name)
		}
		b.WriteString(name + "\n" + value + "\n")
	}
	return b.Bytes(), nil
}

func (s *sns) verify(r *Request) (Proof, error) {
	refuse := func(why string) (Proof, error) { return Proof{}, fmt.Errorf("%w: %s: %s", ErrSignature, s.Name, why) }
	message, err := decodeObject(r.Body)
	if err != nil {
		return refuse("the message is not readable")
	}
	content, err := snsContent(message)
	if err != nil {
		return refuse(err.Error())
	}
	topic, _ := message["TopicArn"].(string)
	allowed := slices.ContainsFunc(s.keys, func(k key) bool { return k.allows(topic) })
	if !allowed {
		return refuse("the topic is not one of this source")
	}
	version, _ := message["SignatureVersion"].(string)
	hash := crypto.SHA256
	switch {
	case version == "1" && s.allowWeak:
		hash = crypto.SHA1
	case version == "1":
		return refuse("signature version 1 is SHA-1: set the topic's SignatureVersion to 2, or allow_weak")
	case version != "2":
		return refuse("the signature version is neither 1 nor 2")
	}
	text, _ := message["Signature"].(string)
	signature, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || base64.StdEncoding.EncodeToString(signature) != text {
		return refuse("the signature is not base64")
	}
	stamp, _ := message["Timestamp"].(string)
	signedAt, err := time.Parse(time.RFC3339, stamp)
	if err != nil || len(stamp) > maxTimestampLen {
		return refuse("the timestamp is not readable")
	}
	address, _ := message["SigningCertURL"].(string)
	if !certificateURL(address) {
		return refuse("SigningCertURL is not Amazon's")
	}
	found, err := s.match(r, topic, address, algorithm{kind: KindRSA, hash: hash}, content, signature)
	if err != nil {
		return Proof{}, err
	}
	proof, err := found.proof(s.Scheme, r.ReceivedAt)
	if err != nil {
		return Proof{}, err
	}
	if err := s.fresh(signedAt, r.ReceivedAt); err != nil {
		return Proof{}, err
	}
	proof.SignedAt, proof.Weak = signedAt.UTC(), hash == crypto.SHA1
	return proof, nil
}

// match checks the signature for each key whose topic it is: against its own
// certificate, or against the one that Amazon publishes.
func (s *sns) match(r *Request, topic, address string, alg algorithm, content, signature []byte) (match, error) {
	found := match{tried: len(s.keys)}
	for i := range s.keys {
		k := &s.keys[i]
		if !k.allows(topic) {
			continue
		}
		signer := *k
		if k.public == nil {
			public, err := s.certs.key(address, r.ReceivedAt)
			if err != nil {
				return found, fmt.Errorf("%w (scheme %s)", err, s.Name)
			}
			signer.public = public
		}
		if signer.check(alg, content, signature) {
			found.add(k, r.ReceivedAt)
		}
	}
	return found, nil
}

// snsHost are the hosts of Amazon SNS, one for each region.
var snsHost = regexp.MustCompile(`^sns\.([a-z]{2}(?:-[a-z]+)+-\d{1,2})\.(amazonaws\.com(?:\.cn)?)$`)

// snsURL reads a URL that must be on Amazon SNS's own hosts: the certificate's,
// and the one that confirms a subscription.
func snsURL(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil || len(address) > 2048 || u.Scheme != "https" || u.User != nil || u.Fragment != "" || !snsHost.MatchString(u.Host) {
		return nil, errors.New("providers: not a URL of Amazon SNS")
	}
	return u, nil
}

// certificateURL reports whether a URL can be that of Amazon's certificate. What
// Amazon's hosts answer to a query is not a certificate.
func certificateURL(address string) bool {
	u, err := snsURL(address)
	return err == nil && u.RawQuery == "" && !u.ForceQuery && u.EscapedPath() == path.Clean(u.Path) && strings.HasSuffix(u.Path, ".pem")
}

// sign makes of the body a message as Amazon sends it: a body that is one is
// signed anew, any other becomes the text of one.
func (s *sns) sign(r *Request, at time.Time) error {
	k := s.keys[0]
	topic := strings.TrimSuffix(k.topic, "*")
	if topic != k.topic {
		topic += "alerts"
	}
	region := topicARN.FindStringSubmatch(topic)[1]
	message, err := decodeObject(r.Body)
	if err != nil || snsSigned[message.text("Type")] == nil {
		id := digest(crypto.SHA256, append([]byte(at.String()), r.Body...))
		message = object{"Type": "Notification", "MessageId": hex.EncodeToString(id[:16]), "Message": string(r.Body)}
	}
	message["TopicArn"], message["Timestamp"] = topic, at.UTC().Format("2006-01-02T15:04:05.000Z")
	message["SignatureVersion"] = "2"
	message["SigningCertURL"] = "https://sns." + region + ".amazonaws.com/SimpleNotificationService-" + strings.Repeat("0", 32) + ".pem"
	content, err := snsContent(message)
	if err != nil {
		return err
	}
	signature, err := k.sign(algorithm{kind: KindRSA, hash: crypto.SHA256}, content)
	if err != nil {
		return err
	}
	message["Signature"] = base64.StdEncoding.EncodeToString(signature)
	if r.Body, err = json.Marshal(message); err != nil {
		return fmt.Errorf("providers: sign: %w", err)
	}
	r.Header.Set("X-Amz-Sns-Message-Type", message.text("Type"))
	return nil
}

// snsNames are the names that Amazon puts in the certificates of a host, which
// differ between regions.
func snsNames(host string) []string {
	m := snsHost.FindStringSubmatch(host)
	if m == nil {
		return nil
	}
	region, domain := m[1], m[2]
	names := []string{"sns.amazonaws.com", host, "sns-signing." + region + "." + domain, "sns-" + region + "." + domain}
	if region == "us-gov-east-1" {
		names = append(names, "sns-us-gov-west-1."+domain)
	}
	return names
}

// named reports whether a certificate is for one of the names.
func named(c *x509.Certificate, names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return c.VerifyHostname(name) == nil })
}
