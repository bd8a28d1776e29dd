package security

import (
	"bytes"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"ringfence/test/pki"
)

// attack is a request that must not be let in.
type attack struct {
	name   string
	tokens []string     // values of Authorization; "Bearer " is put in front of a single one
	raw    []string     // values of Authorization as they are
	path   string       // empty: decisions
	client *http.Client // nil: one that shows the certificate of vnfm
}

// TestTokenAttacks: none of these is let in. A good token is, before and after them.
func TestTokenAttacks(t *testing.T) { //nolint:tparallel // after them all the good token is tried again
	t.Parallel()
	s := newSite(t)
	mutual := s.tls.Client(t, s.vnfm)
	good := func() {
		t.Helper()
		for name, token := range map[string]string{
			"ES256": es256(s.issuer.ec256, head("ES256", "ec256"), s.issuer.claims(s.vnfm)),
			"RS256": s.byRSA("RS256", false), "PS256": s.byRSA("PS256", true),
			"typ JWT": es256(s.issuer.ec256, map[string]any{"alg": "ES256", "kid": "ec256", "typ": "JWT"}, s.issuer.claims(s.vnfm)),
		} {
			if status, challenge, body := s.get(t, mutual, decisions, "Authorization", "Bearer "+token); status != http.StatusOK {
				t.Fatalf("a good token (%s) is refused: %d %s %s", name, status, challenge, body)
			}
		}
	}
	good()
	var accepted int
	attacks := s.attacks(t)
	for _, a := range attacks {
		t.Run(a.name, func(t *testing.T) {
			client := a.client
			if client == nil {
				client = mutual
			}
			path, headers := a.path, []string(nil)
			if path == "" {
				path = decisions
			}
			for _, token := range a.tokens {
				headers = append(headers, "Authorization", "Bearer "+token)
			}
			for _, value := range a.raw {
				headers = append(headers, "Authorization", value)
			}
			status, challenge, body := s.get(t, client, path, headers...)
			switch {
			case status < 400:
				accepted++
				t.Errorf("accepted: %d %s", status, body)
			case status != 400 && status != 401 && status != 431:
				t.Errorf("answered %d: %s", status, body)
			case status != 431 && !strings.HasPrefix(challenge, `Bearer realm="ringfence"`):
				t.Errorf("%d without a challenge: %q", status, challenge)
			}
			for _, secret := range append(a.tokens, a.raw...) {
				if len(secret) > 20 && strings.Contains(body+challenge, secret) {
					t.Errorf("the answer repeats the token: %s", body)
				}
			}
		})
	}
	good()
	t.Logf("token attacks: %d tried, %d accepted", len(attacks), accepted)
}

func (s *site) byRSA(alg string, pss bool) string {
	signed := encode(head(alg, "rsa")) + "." + encode(s.issuer.claims(s.vnfm))
	return signed + "." + b64(signRSA(s.issuer.rsa, signed, pss))
}

// signed is a good token but for some claims.
func (s *site) signed(pairs ...any) []string {
	return []string{es256(s.issuer.ec256, head("ES256", "ec256"), set(s.issuer.claims(s.vnfm), pairs...))}
}

// headed is a good token but for members of its header.
func (s *site) headed(pairs ...any) []string {
	return []string{es256(s.issuer.ec256, set(head("ES256", "ec256"), pairs...), s.issuer.claims(s.vnfm))}
}

// hmacked is a token that is signed with a public key as if it were a shared secret.
func (s *site) hmacked(alg, kid string, secret []byte) []string {
	signed := encode(head(alg, kid)) + "." + encode(s.issuer.claims(s.vnfm))
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(signed))
	return []string{signed + "." + b64(mac.Sum(nil))}
}

// raw is a good signature over a header and a payload that are given as text.
func (s *site) raw(header, payload string) []string {
	signed := b64([]byte(header)) + "." + b64([]byte(payload))
	return []string{signed + "." + b64(signES(s.issuer.ec256, signed, 32))}
}

func (s *site) attacks(t *testing.T) []attack {
	t.Helper()
	var all []attack
	all = append(all, s.signatureAttacks(t)...)
	all = append(all, s.headerAttacks(t)...)
	all = append(all, s.claimAttacks()...)
	all = append(all, s.bindingAttacks(t)...)
	return append(all, s.transportAttacks()...)
}

func (s *site) signatureAttacks(t *testing.T) []attack {
	t.Helper()
	i, claims := s.issuer, s.issuer.claims(s.vnfm)
	der, err := x509.MarshalPKIXPublicKey(&i.rsa.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	public := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	parts := strings.Split(es256(i.ec256, head("ES256", "ec256"), claims), ".")
	sig, _ := base64.RawURLEncoding.DecodeString(parts[2])
	with := func(sig []byte) []string { return []string{parts[0] + "." + parts[1] + "." + b64(sig)} }
	beyond := new(big.Int).Add(new(big.Int).SetBytes(sig[32:]), elliptic.P256().Params().N)
	var asn1 bytes.Buffer
	asn1.Write([]byte{0x30, 0x44, 0x02, 0x20})
	asn1.Write(sig[:32])
	asn1.Write([]byte{0x02, 0x20})
	asn1.Write(sig[32:])
	by384 := func(alg, kid string) []string {
		signed := encode(head(alg, kid)) + "." + encode(claims)
		return []string{signed + "." + b64(signES(i.ec384, signed, 48))}
	}
	byRSA := func(alg, kid string, pss bool) []string {
		signed := encode(head(alg, kid)) + "." + encode(claims)
		return []string{signed + "." + b64(signRSA(i.rsa, signed, pss))}
	}
	unsigned := func(alg string) []string { return []string{encode(head(alg, "ec256")) + "." + encode(claims) + "."} }
	return []attack{
		{name: "alg none", tokens: unsigned("none")},
		{name: "alg None", tokens: unsigned("None")},
		{name: "alg nOnE", tokens: unsigned("nOnE")},
		{name: "alg none with a signature", tokens: []string{encode(head("none", "ec256")) + "." + encode(claims) + "." + parts[2]}},
		{name: "alg empty", tokens: []string{es256(i.ec256, head("", "ec256"), claims)}},
		{name: "alg missing", tokens: []string{es256(i.ec256, set(head("", "ec256"), "alg", nil), claims)}},
		{name: "alg es256", tokens: []string{es256(i.ec256, head("es256", "ec256"), claims)}},
		{name: "alg a number", tokens: []string{es256(i.ec256, set(head("", "ec256"), "alg", 256), claims)}},
		{name: "HS256 with the RSA key in PEM", tokens: s.hmacked("HS256", "rsa", public)},
		{name: "HS256 with the RSA key in DER", tokens: s.hmacked("HS256", "rsa", der)},
		{name: "HS256 with the modulus", tokens: s.hmacked("HS256", "rsa", i.rsa.N.Bytes())},
		{name: "HS256 with nothing", tokens: s.hmacked("HS256", "rsa", nil)},
		{name: "RS256 as ES256", tokens: byRSA("ES256", "rsa", false)},
		{name: "ES256 as RS256", tokens: []string{es256(i.ec256, head("RS256", "ec256"), claims)}},
		{name: "PKCS1 as PS256", tokens: byRSA("PS256", "rsa", false)},
		{name: "PSS as RS256", tokens: byRSA("RS256", "rsa", true)},
		{name: "ES256 as EdDSA", tokens: []string{es256(i.ec256, head("EdDSA", "ec256"), claims)}},
		{name: "RSA1_5", tokens: []string{es256(i.ec256, head("RSA1_5", "ec256"), claims)}},
		{name: "P-384 key as ES256", tokens: by384("ES256", "ec384")},
		{name: "P-256 key as ES384", tokens: by384("ES384", "ec256")},
		{name: "key of another name", tokens: by384("ES384", "rsa")},
		{name: "key of nobody", tokens: []string{es256(i.other, head("ES256", "ec256"), claims)}},
		{name: "signature missing", tokens: []string{parts[0] + "." + parts[1]}},
		{name: "signature empty", tokens: with(nil)},
		{name: "signature truncated", tokens: with(sig[:63])},
		{name: "signature lengthened", tokens: with(append(bytes.Clone(sig), 0))},
		{name: "signature zero", tokens: with(make([]byte, 64))},
		{name: "signature s beyond the order", tokens: with(append(bytes.Clone(sig[:32]), beyond.Bytes()...))},
		{name: "signature in ASN.1", tokens: with(asn1.Bytes())},
		{name: "signature of another token", tokens: []string{parts[0] + "." + encode(set(i.claims(s.vnfm), "client_id", "auditor")) + "." + parts[2]}},
		{name: "header of another token", tokens: []string{encode(head("ES256", "ec384")) + "." + parts[1] + "." + parts[2]}},
		{name: "payload empty", tokens: []string{parts[0] + ".." + parts[2]}},
		{name: "five parts", tokens: []string{strings.Join(append(parts, parts[0], parts[1]), ".")}},
		{name: "JWE", tokens: []string{encode(map[string]any{"alg": "RSA-OAEP", "enc": "A256GCM", "cty": "JWT", "zip": "DEF"}) + ".AAAA.AAAA.AAAA.AAAA"}},
		{name: "JWE alg dir", tokens: []string{encode(map[string]any{"alg": "dir", "enc": "A128GCM"}) + "..AAAA.AAAA.AAAA"}},
	}
}

func (s *site) headerAttacks(t *testing.T) []attack {
	t.Helper()
	i, claims := s.issuer, s.issuer.claims(s.vnfm)
	evil := newIssuer(t, s.tls.Authority)
	foreign := func(pairs ...any) []string {
		return []string{es256(i.other, set(head("ES256", "evil"), pairs...), claims)}
	}
	der := base64.StdEncoding.EncodeToString(s.tls.Authority.Issue(t, pki.Leaf{Name: "x", Key: i.other}).Certificate.Raw)
	payload := encode(claims)
	twice := b64([]byte(`{"alg":"ES256","alg":"none","kid":"ec256"}`))
	all := []attack{
		{name: "jku", tokens: foreign("jku", evil.URL+"/keys", "kid", "ec256")},
		{name: "x5u", tokens: foreign("x5u", evil.URL+"/cert", "kid", "ec256")},
		{name: "jwk", tokens: foreign("jwk", ecJWK("ec256", "P-256", i.other), "kid", "ec256")},
		{name: "x5c", tokens: foreign("x5c", []string{der}, "kid", "ec256")},
		{name: "jku beside a good signature", tokens: s.headed("jku", evil.URL+"/keys")},
		{name: "jwk beside a good signature", tokens: s.headed("jwk", ecJWK("ec256", "P-256", i.ec256))},
		{name: "crit unknown", tokens: s.headed("crit", []string{"x"}, "x", 1)},
		{name: "crit empty", tokens: s.headed("crit", []string{})},
		{name: "b64 false", tokens: s.headed("b64", false, "crit", []string{"b64"})},
		{name: "zip", tokens: s.headed("zip", "DEF")},
		{name: "cty JWT", tokens: s.headed("cty", "JWT")},
		{name: "typ of an ID token", tokens: s.headed("typ", "id_token+jwt")},
		{name: "typ logout+jwt", tokens: s.headed("typ", "logout+jwt")},
		{name: "typ a number", tokens: s.headed("typ", 1)},
		{name: "kid missing, two keys fit none", tokens: []string{es256(i.other, set(head("ES256", ""), "kid", nil), claims)}},
		{name: "kid of a path", tokens: foreign("kid", "../../../../dev/null")},
		{name: "kid of SQL", tokens: foreign("kid", "x' UNION SELECT 'key' --")},
		{name: "kid of a URL", tokens: foreign("kid", evil.URL+"/keys#ec256")},
		{name: "kid of a shell", tokens: foreign("kid", "$(id)|id")},
		{name: "kid an object", tokens: foreign("kid", map[string]any{"$ne": ""})},
		{name: "kid of another case", tokens: s.headed("kid", "EC256")},
		{name: "header no JSON", tokens: []string{b64([]byte("{")) + "." + payload + ".AAAA"}},
		{name: "header an array", tokens: []string{b64([]byte("[]")) + "." + payload + ".AAAA"}},
		{name: "header null", tokens: []string{b64([]byte("null")) + "." + payload + ".AAAA"}},
		{name: "header alg twice", tokens: []string{twice + "." + payload + "." + b64(signES(i.ec256, twice+"."+payload, 32))}},
		{name: "header nested deeply", tokens: []string{b64([]byte(strings.Repeat(`{"a":`, 1000))) + "." + payload + ".AAAA"}},
	}
	t.Cleanup(func() {
		if n := evil.asked.Load(); n > 0 {
			t.Errorf("a token led the service elsewhere %d times", n)
		}
	})
	return all
}

func (s *site) claimAttacks() []attack {
	i, now := s.issuer, time.Now().Unix()
	text := func(members string) []string {
		return s.raw(`{"alg":"ES256","kid":"ec256"}`, fmt.Sprintf(`{"iss":%q,"aud":%q,"client_id":"vnfm","cnf":{"x5t#S256":%q},%s}`,
			i.URL, audience, s.vnfm.Thumbprint(), members))
	}
	good := fmt.Sprintf(`"exp":%d`, now+600)
	return []attack{
		{name: "aud of another service", tokens: s.signed("aud", "https://other.example")},
		{name: "aud missing", tokens: s.signed("aud", nil)},
		{name: "aud empty", tokens: s.signed("aud", []string{})},
		{name: "aud a prefix", tokens: s.signed("aud", audience+".evil.example")},
		{name: "aud shorter", tokens: s.signed("aud", audience[:len(audience)-1])},
		{name: "aud of another case", tokens: s.signed("aud", strings.ToUpper(audience))},
		{name: "aud with a slash", tokens: s.signed("aud", audience+"/")},
		{name: "aud an object", tokens: s.signed("aud", map[string]any{audience: audience})},
		{name: "aud a list in a list", tokens: s.signed("aud", []any{[]string{audience}})},
		{name: "aud joined", tokens: s.signed("aud", "x "+audience)},
		{name: "iss of another server", tokens: s.signed("iss", "https://evil.example")},
		{name: "iss with a slash", tokens: s.signed("iss", i.URL+"/")},
		{name: "iss missing", tokens: s.signed("iss", nil)},
		{name: "iss a list", tokens: s.signed("iss", []string{i.URL})},
		{name: "iss of another case", tokens: s.signed("iss", "HTTPS"+strings.TrimPrefix(i.URL, "https"))},
		{name: "exp missing", tokens: s.signed("exp", nil)},
		{name: "exp past", tokens: s.signed("iat", now-600, "exp", now-31)},
		{name: "exp a string", tokens: s.signed("exp", fmt.Sprint(now+600))},
		{name: "exp a fraction", tokens: s.signed("exp", float64(now)+600.5)},
		{name: "exp 1e308", tokens: text(`"exp":1e308`)},
		{name: "exp negative", tokens: s.signed("exp", -1)},
		{name: "exp null", tokens: text(`"exp":null`)},
		{name: "exp 2^63", tokens: text(`"exp":9223372036854775808`)},
		{name: "exp true", tokens: text(`"exp":true`)},
		{name: "exp in another case", tokens: text(fmt.Sprintf(`"EXP":%d`, now+600))},
		{name: "valid for a day", tokens: s.signed("exp", now+86400)},
		{name: "valid for a day, without iat", tokens: s.signed("exp", now+86400, "iat", nil)},
		{name: "nbf future", tokens: s.signed("nbf", now+60)},
		{name: "nbf a string", tokens: s.signed("nbf", "0")},
		{name: "iat future", tokens: s.signed("iat", now+60)},
		{name: "claim twice", tokens: text(good + `,"client_id":"auditor"`)},
		{name: "claim twice, exp", tokens: text(fmt.Sprintf(`"exp":1,%s`, good))},
		{name: "claims an array", tokens: s.raw(`{"alg":"ES256","kid":"ec256"}`, `[]`)},
		{name: "claims null", tokens: s.raw(`{"alg":"ES256","kid":"ec256"}`, `null`)},
		{name: "claims followed by more", tokens: s.raw(`{"alg":"ES256","kid":"ec256"}`, `{}{}`)},
		{name: "client nobody registered", tokens: s.signed("client_id", "stranger")},
		{name: "client disabled", tokens: s.signed("client_id", "gone")},
		{name: "client of another case", tokens: s.signed("client_id", "VNFM")},
		{name: "client missing", tokens: s.signed("client_id", nil)},
		{name: "client a list", tokens: s.signed("client_id", []string{"vnfm"})},
		{name: "client and azp differ", tokens: s.signed("azp", "auditor")},
		{name: "portal without its person", tokens: s.signed("client_id", "portal", "sub", "person-2")},
		{name: "portal without a subject", tokens: s.signed("client_id", "portal", "sub", nil)},
		{name: "ID token", tokens: s.signed("nonce", "n", "at_hash", "h")},
		{name: "ID token of Keycloak", tokens: s.signed("typ", "ID")},
		{name: "refresh token", tokens: s.signed("typ", "Refresh")},
		{name: "ID token of Cognito", tokens: s.signed("token_use", "id")},
		{name: "logout token", tokens: s.signed("events", map[string]any{})},
	}
}

func (s *site) bindingAttacks(t *testing.T) []attack {
	t.Helper()
	i, ca := s.issuer, s.tls.Authority
	thief := ca.Issue(t, pki.Leaf{Name: "vnfm"})
	sameKey := ca.Issue(t, pki.Leaf{Name: "vnfm", Key: s.vnfm.Key})
	token := es256(i.ec256, head("ES256", "ec256"), i.claims(s.vnfm))
	hex := fmt.Sprintf("%x", sha256.Sum256(s.vnfm.Certificate.Raw))
	return []attack{
		{name: "stolen, no certificate", tokens: []string{token}, client: s.tls.Client(t)},
		{name: "stolen, another certificate", tokens: []string{token}, client: s.tls.Client(t, thief)},
		{name: "another certificate of the same key", tokens: []string{token}, client: s.tls.Client(t, sameKey)},
		{name: "unbound", tokens: s.signed("cnf", nil)},
		{name: "cnf empty", tokens: s.signed("cnf", map[string]any{})},
		{name: "cnf null", tokens: s.raw(`{"alg":"ES256","kid":"ec256"}`, fmt.Sprintf(`{"iss":%q,"aud":%q,"client_id":"vnfm","cnf":null,"exp":%d}`, i.URL, audience, time.Now().Unix()+600))},
		{name: "cnf of a key", tokens: s.signed("cnf", map[string]any{"jkt": "x"})},
		{name: "cnf of a key too", tokens: s.signed("cnf", map[string]any{"jkt": "x", "x5t#S256": s.vnfm.Thumbprint()})},
		{name: "cnf hexadecimal", tokens: s.signed("cnf", map[string]any{"x5t#S256": hex})},
		{name: "cnf padded", tokens: s.signed("cnf", map[string]any{"x5t#S256": s.vnfm.Thumbprint() + "="})},
		{name: "cnf a string", tokens: s.signed("cnf", s.vnfm.Thumbprint())},
		{name: "cnf a list", tokens: s.signed("cnf", map[string]any{"x5t#S256": []string{s.vnfm.Thumbprint()}})},
		{name: "cnf SHA-1", tokens: s.signed("cnf", map[string]any{"x5t": s.vnfm.Thumbprint()})},
		{name: "forwarded certificate", tokens: []string{token}, client: forwarding(s.tls.Client(t), s.vnfm)},
	}
}

// forwarding adds headers by which proxies tell of certificates.
func forwarding(c *http.Client, of *pki.Identity) *http.Client {
	next := c.Transport
	c.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
		cert := url.QueryEscape(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: of.Certificate.Raw})))
		for _, name := range []string{"X-Forwarded-Client-Cert", "X-Ssl-Client-Cert", "Client-Cert", "X-Client-Cert", "Ssl-Client-Cert"} {
			r.Header.Set(name, cert)
		}
		return next.RoundTrip(r)
	})
	return c
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// old is a client that speaks HTTP/1.1: others do not even send headers that are too long.
func (s *site) old() *http.Client {
	return &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: s.tls.Authority.Pool()}, DisableKeepAlives: true,
	}}
}

func (s *site) transportAttacks() []attack {
	token := es256(s.issuer.ec256, head("ES256", "ec256"), s.issuer.claims(s.vnfm))
	return []attack{
		{name: "nothing"},
		{name: "token in the query", path: decisions + "?access_token=" + token},
		{name: "token in the query beside another", path: decisions + "?access_token=" + token, raw: []string{"Bearer x"}},
		{name: "two tokens", tokens: []string{token, token}},
		{name: "a good token and a bad one", tokens: []string{token, "x"}},
		{name: "two tokens in one header", raw: []string{"Bearer " + token + ", Bearer " + token}},
		{name: "double space", raw: []string{"Bearer  " + token}},
		{name: "a tab", raw: []string{"Bearer\t" + token}},
		{name: "trailing token", raw: []string{"Bearer " + token + " x"}},
		{name: "scheme missing", raw: []string{token}},
		{name: "Basic", raw: []string{"Basic " + base64.StdEncoding.EncodeToString([]byte("vnfm:"+token))}},
		{name: "DPoP", raw: []string{"DPoP " + token}},
		{name: "Negotiate", raw: []string{"Negotiate " + token}},
		{name: "quoted", raw: []string{`Bearer "` + token + `"`}},
		{name: "padding inside", raw: []string{"Bearer a=b" + token}},
		{name: "9 KiB", tokens: []string{strings.Repeat("a", 9<<10)}},
		{name: "64 KiB", tokens: []string{strings.Repeat("a", 64<<10)}, client: s.old()},
		{name: "null", tokens: []string{"null"}},
		{name: "empty", raw: []string{"Bearer "}},
		{name: "the client's id", tokens: []string{"vnfm"}},
	}
}
