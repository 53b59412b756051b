package providers

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	testTopic = "arn:aws:sns:eu-west-1:123456789012:alerts"
	testCert  = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-00000000000000000000000000000000.pem"
)

// amazon plays Amazon: a root, and a certificate that it signed.
type amazon struct {
	root *x509.Certificate
	leaf *x509.Certificate
	key  *rsa.PrivateKey
}

var playAmazon = sync.OnceValue(func() amazon {
	rootKey, err := rsa.GenerateKey(rand.Reader, minRSA)
	if err != nil {
		panic(err)
	}
	a := amazon{key: rootKey}
	a.root = a.certificate(&x509.Certificate{Subject: pkix.Name{CommonName: "a root"}, IsCA: true, BasicConstraintsValid: true}, nil, rootKey)
	if a.key, err = rsa.GenerateKey(rand.Reader, minRSA); err != nil {
		panic(err)
	}
	a.leaf = a.certificate(&x509.Certificate{DNSNames: []string{"sns.amazonaws.com"}}, a.root, rootKey)
	return a
})

// certificate makes a certificate of a's key, signed by a parent or by itself.
func (a amazon) certificate(c, parent *x509.Certificate, signer *rsa.PrivateKey) *x509.Certificate {
	c.SerialNumber = big.NewInt(1)
	if c.NotBefore.IsZero() {
		c.NotBefore, c.NotAfter = testedAt.Add(-time.Hour), testedAt.Add(100*time.Hour)
	}
	if parent == nil {
		parent = c
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, a.key.Public(), signer)
	if err != nil {
		panic(err)
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return made
}

func certificatePEM(c *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
}

// message is a body signed by the key that amazon plays.
func (a amazon) message(t *testing.T) []byte {
	t.Helper()
	s := &sns{Scheme: Scheme{Kind: KindSNS}, keys: []key{{topic: testTopic, private: a.key}}}
	r := &Request{Header: http.Header{}, Body: []byte("disk is full")}
	require.NoError(t, s.sign(r, testedAt))
	return r.Body
}

// answers counts how often a client asked.
type answers struct {
	http.RoundTripper
	asked atomic.Int32
}

func (a *answers) RoundTrip(r *http.Request) (*http.Response, error) {
	a.asked.Add(1)
	return a.RoundTripper.RoundTrip(r)
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func answering(status int, header http.Header, body io.Reader) http.RoundTripper {
	return roundTrip(func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(body), Request: r}, nil
	})
}

func snsVerifier(t *testing.T, transport http.RoundTripper, roots *x509.CertPool) *verifier {
	t.Helper()
	v, err := newVerifier([]Scheme{{Use: "sns"}}, Config{Secrets: Secrets(testTopic), HTTP: &http.Client{Transport: transport}, Roots: roots})
	require.NoError(t, err)
	return v
}

func TestSNSFetchesACertificateOnce(t *testing.T) {
	t.Parallel()
	a := playAmazon()
	transport := &answers{RoundTripper: served{testCert: certificatePEM(a.leaf)}}
	roots := x509.NewCertPool()
	roots.AddCert(a.root)
	v := snsVerifier(t, transport, roots)
	body := a.message(t)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			proof, err := v.Verify(&Request{Body: body, ReceivedAt: testedAt})
			if err != nil || !proof.SignedAt.Equal(testedAt) {
				t.Errorf("%v at %s", err, proof.SignedAt)
			}
		})
	}
	all.Wait()
	assert.EqualValues(t, 1, transport.asked.Load())

	_, err := v.Verify(&Request{Body: body, ReceivedAt: testedAt.Add(64 * time.Minute)})
	require.NoError(t, err, "Amazon tries for an hour")
	_, err = v.Verify(&Request{Body: body, ReceivedAt: testedAt.Add(66 * time.Minute)})
	require.ErrorIs(t, err, ErrStale)
	_, err = v.Verify(&Request{Body: body, ReceivedAt: testedAt.Add(101 * time.Hour)})
	require.ErrorIs(t, err, ErrSignature, "a certificate in the cache still ends")
}

func TestSNSRefusesCertificates(t *testing.T) {
	t.Parallel()
	a := playAmazon()
	roots := x509.NewCertPool()
	roots.AddCert(a.root)
	body := a.message(t)
	named := func(c x509.Certificate) []byte { return certificatePEM(a.certificate(&c, nil, a.key)) }
	for name, c := range map[string]struct {
		transport http.RoundTripper
		roots     *x509.CertPool
		want      error
	}{
		"not found":       {served{}, nil, ErrSignature},
		"forbidden":       {answering(http.StatusForbidden, nil, strings.NewReader("")), nil, ErrSignature},
		"server error":    {answering(http.StatusServiceUnavailable, nil, strings.NewReader("")), nil, ErrUnavailable},
		"no answer":       {roundTrip(func(*http.Request) (*http.Response, error) { return nil, errors.New("refused") }), nil, ErrUnavailable},
		"redirect":        {answering(http.StatusFound, http.Header{"Location": {"https://example.com/x.pem"}}, strings.NewReader("")), nil, ErrUnavailable},
		"no PEM":          {served{testCert: []byte("hello")}, nil, ErrSignature},
		"broken":          {served{testCert: []byte(pemMark + "CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")}, nil, ErrSignature},
		"too large":       {answering(http.StatusOK, nil, bytes.NewReader(append(certificatePEM(a.leaf), bytes.Repeat([]byte("\n"), maxCert)...))), nil, ErrSignature},
		"other name":      {served{testCert: named(x509.Certificate{DNSNames: []string{"sns.example.com"}})}, nil, ErrSignature},
		"other region":    {served{testCert: named(x509.Certificate{DNSNames: []string{"sns.us-east-1.amazonaws.com"}})}, nil, ErrSignature},
		"authority":       {served{testCert: named(x509.Certificate{DNSNames: []string{"sns.amazonaws.com"}, IsCA: true, BasicConstraintsValid: true})}, nil, ErrSignature},
		"not to a root":   {served{testCert: named(x509.Certificate{DNSNames: []string{"sns.amazonaws.com"}})}, roots, ErrSignature},
		"expired":         {served{testCert: named(x509.Certificate{DNSNames: []string{"sns.amazonaws.com"}, NotBefore: testedAt.Add(-2), NotAfter: testedAt.Add(-1)})}, nil, ErrSignature},
		"not yet valid":   {served{testCert: named(x509.Certificate{DNSNames: []string{"sns.amazonaws.com"}, NotBefore: testedAt.Add(time.Hour), NotAfter: testedAt.Add(2 * time.Hour)})}, nil, ErrSignature},
		"right":           {served{testCert: certificatePEM(a.leaf)}, roots, nil},
		"of its region":   {served{testCert: named(x509.Certificate{DNSNames: []string{"sns-signing.eu-west-1.amazonaws.com"}})}, nil, nil},
		"with its chain":  {served{testCert: append(certificatePEM(a.leaf), certificatePEM(a.root)...)}, roots, nil},
		"without a chain": {served{testCert: certificatePEM(a.leaf)}, nil, nil},
	} {
		v := snsVerifier(t, c.transport, c.roots)
		_, err := v.Verify(&Request{Body: body, ReceivedAt: testedAt})
		require.ErrorIs(t, err, c.want, name)
	}
}

// TestSNSStopsAsking bounds what made-up URLs make us fetch.
func TestSNSStopsAsking(t *testing.T) {
	t.Parallel()
	a := playAmazon()
	transport := &answers{RoundTripper: served{testCert: certificatePEM(a.leaf)}}
	v := snsVerifier(t, transport, nil)
	body := a.message(t)
	made := func(n string, at time.Time) error {
		_, err := v.Verify(&Request{Body: bytes.Replace(body, []byte("Service-0"), []byte("Service-"+n), 1), ReceivedAt: at})
		return err
	}
	for range 50 {
		require.Error(t, made("1", testedAt))
	}
	assert.EqualValues(t, certFailures, transport.asked.Load())
	require.ErrorIs(t, made("0", testedAt), ErrUnavailable, "a right one must be sent again then")
	require.NoError(t, made("0", testedAt.Add(2*time.Minute)))
	for range 50 {
		require.Error(t, made("1", testedAt.Add(2*time.Minute)))
	}
	require.NoError(t, made("0", testedAt.Add(2*time.Minute)), "what is known still serves")
}

func TestSNSTopics(t *testing.T) {
	t.Parallel()
	a := playAmazon()
	transport := &answers{RoundTripper: served{testCert: certificatePEM(a.leaf)}}
	for secret, want := range map[string]error{
		testTopic:                                    nil,
		"arn:aws:sns:eu-west-1:123456789012:*":       nil,
		"arn:aws:sns:eu-west-1:123456789012:other":   ErrSignature,
		"arn:aws:sns:eu-west-1:123456789013:*":       ErrSignature,
		"arn:aws:sns:us-east-1:123456789012:alerts":  ErrSignature,
		"arn:aws:sns:eu-west-1:123456789012:alerts2": ErrSignature,
	} {
		v, err := newVerifier([]Scheme{{Use: "sns"}}, Config{Secrets: Secrets(secret), HTTP: &http.Client{Transport: transport}})
		require.NoError(t, err)
		before := transport.asked.Load()
		_, err = v.Verify(&Request{Body: a.message(t), ReceivedAt: testedAt})
		require.ErrorIs(t, err, want, secret)
		if want != nil {
			require.ErrorContains(t, err, "the topic is not one of this source")
			assert.Equal(t, before, transport.asked.Load(), "another's topic makes us fetch nothing")
		}
	}
	for _, bad := range []string{"arn:aws:sns:eu-west-1:1:alerts", "arn:aws:sqs:eu-west-1:123456789012:alerts", "*", "arn:aws:sns:*:123456789012:*", "arn:aws:sns:eu-west-1:123456789012:al*"} {
		_, err := newVerifier([]Scheme{{Use: "sns"}}, Config{Secrets: Secrets(bad)})
		require.ErrorContains(t, err, "is not a topic", bad)
	}
}

func TestSNSVersionOneIsWeak(t *testing.T) {
	t.Parallel()
	secret := newSecret(t, Scheme{Kind: KindSNS}, "one")
	k, err := readTopic(secret)
	require.NoError(t, err)
	c := sent(t, Scheme{Use: "sns"}, secret, "hello")
	var message map[string]string
	require.NoError(t, json.Unmarshal(c.request.Body, &message))
	content, err := snsContent(object{
		"Type": message["Type"], "Message": message["Message"], "MessageId": message["MessageId"],
		"Timestamp": message["Timestamp"], "TopicArn": message["TopicArn"],
	})
	require.NoError(t, err)
	signature, err := k.sign(algorithm{kind: KindRSA, hash: hashes["sha1"]}, content)
	require.NoError(t, err)
	message["SignatureVersion"], message["Signature"] = "1", encodings["base64"].encode(signature)
	c.request.Body, err = json.Marshal(message)
	require.NoError(t, err)
	proof, err := c.verify()
	require.NoError(t, err)
	assert.True(t, proof.Weak)
	c.config.AllowWeak = false
	_, err = c.verify()
	require.ErrorIs(t, err, ErrSignature)
	require.ErrorContains(t, err, "allow_weak")
}

func TestSNSURLs(t *testing.T) {
	t.Parallel()
	for _, address := range foreignCertificates("/SimpleNotificationService-0.pem") {
		assert.False(t, certificateURL(address), address)
	}
	for _, address := range []string{
		testCert, "https://sns.cn-north-1.amazonaws.com.cn/x.pem", "https://sns.us-gov-west-1.amazonaws.com/x.pem", "https://sns.ap-southeast-2.amazonaws.com/x.pem",
	} {
		assert.True(t, certificateURL(address), address)
	}
	_, err := snsURL("https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=" + testTopic + "&Token=2336412f37")
	require.NoError(t, err)
	_, err = snsURL("https://example.com/?Action=ConfirmSubscription")
	require.Error(t, err)
	assert.Contains(t, snsNames("sns.us-gov-east-1.amazonaws.com"), "sns-us-gov-west-1.amazonaws.com")
	assert.Empty(t, snsNames("example.com"))
}

// Amazon's text has nothing between a value and the next name: what is signed as
// one message must not be readable as another with an id or a text of its own.
func TestSNSContentIsOfOneMessage(t *testing.T) {
	signed := object{
		"Type": "Notification", "MessageId": "1", "Subject": "Disk full", "Message": "one\nMessageId\n2\nSubject\nx",
		"Timestamp": "2026-01-31T12:00:00.000Z", "TopicArn": testTopic,
	}
	_, err := snsContent(signed)
	require.NoError(t, err)
	for name, other := range map[string]object{
		"the subject becomes part of the id": {"MessageId": "1\nSubject\nDisk full", "Message": signed["Message"]},
		"the message is cut":                 {"MessageId": "2", "Message": "one", "Subject": "x\nMessageId\n1\nSubject\nDisk full"},
	} {
		for _, field := range []string{"Type", "Timestamp", "TopicArn"} {
			other[field] = signed[field]
		}
		_, err := snsContent(other)
		assert.ErrorContains(t, err, "holds a line break", name)
	}
}
