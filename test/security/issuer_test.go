package security

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"ringfence/test/pki"
)

// issuer is an authorization server whose every byte a test chooses. The tokens that it issues are made by hand, so that they can be wrong
// in any way.
type issuer struct {
	*httptest.Server

	ec256, ec384 *ecdsa.PrivateKey
	rsa          *rsa.PrivateKey
	other        *ecdsa.PrivateKey // nobody's

	keys  []map[string]any
	asked atomic.Int64 // how often the keys were fetched
}

func newIssuer(t *testing.T, authority *pki.Authority) *issuer {
	t.Helper()
	i := &issuer{}
	var err error
	for curve, key := range map[elliptic.Curve]**ecdsa.PrivateKey{elliptic.P256(): &i.ec256, elliptic.P384(): &i.ec384} {
		if *key, err = ecdsa.GenerateKey(curve, rand.Reader); err != nil {
			t.Fatal(err)
		}
	}
	if i.other, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	if i.rsa, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		t.Fatal(err)
	}
	i.keys = []map[string]any{ecJWK("ec256", "P-256", i.ec256), ecJWK("ec384", "P-384", i.ec384), {
		"kty": "RSA", "kid": "rsa", "use": "sig", "n": b64(i.rsa.N.Bytes()), "e": "AQAB",
	}}
	i.Server = httptest.NewUnstartedServer(http.HandlerFunc(i.answer))
	i.TLS = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{authority.Server(t).TLS()}}
	i.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)
	i.StartTLS()
	t.Cleanup(i.Close)
	return i
}

func (i *issuer) answer(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		_ = json.NewEncoder(w).Encode(map[string]string{"issuer": i.URL, "jwks_uri": i.URL + "/keys"})
	case "/keys":
		i.asked.Add(1)
		_ = json.NewEncoder(w).Encode(map[string]any{"keys": i.keys})
	default:
		http.NotFound(w, r)
	}
}

func ecJWK(kid, curve string, key *ecdsa.PrivateKey) map[string]any {
	point, _ := key.PublicKey.Bytes() // cannot fail: the key was just made
	half := (len(point) - 1) / 2
	return map[string]any{"kty": "EC", "kid": kid, "use": "sig", "crv": curve, "x": b64(point[1 : 1+half]), "y": b64(point[1+half:])}
}

func b64(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }

// claims are those of a good token of the client vnfm, bound to a certificate.
func (i *issuer) claims(bound *pki.Identity) map[string]any {
	now := time.Now().Unix()
	return map[string]any{
		"iss": i.URL, "aud": audience, "sub": "vnfm", "client_id": "vnfm", "iat": now, "exp": now + 600,
		"cnf": map[string]any{"x5t#S256": bound.Thumbprint()},
	}
}

// set changes claims; nil takes one out.
func set(claims map[string]any, pairs ...any) map[string]any {
	for i := 0; i < len(pairs); i += 2 {
		name, _ := pairs[i].(string)
		if claims[name] = pairs[i+1]; pairs[i+1] == nil {
			delete(claims, name)
		}
	}
	return claims
}

func head(alg, kid string) map[string]any {
	return map[string]any{"alg": alg, "kid": kid, "typ": "at+jwt"}
}

// encode is a part of a token.
func encode(part any) string {
	data, err := json.Marshal(part)
	if err != nil {
		panic(err) // what tests encode can be encoded
	}
	return b64(data)
}

// es256 is a token that is signed with a key as ES256, whatever its header says.
func es256(key *ecdsa.PrivateKey, header, payload any) string {
	signed := encode(header) + "." + encode(payload)
	return signed + "." + b64(signES(key, signed, 32))
}

func signES(key *ecdsa.PrivateKey, signed string, size int) []byte {
	var digest []byte
	if size == 32 {
		sum := sha256.Sum256([]byte(signed))
		digest = sum[:]
	} else {
		sum := sha512.Sum384([]byte(signed))
		digest = sum[:]
	}
	r, s, err := ecdsa.Sign(rand.Reader, key, digest)
	if err != nil {
		panic(err) // the key is a good one
	}
	out := make([]byte, 2*size)
	r.FillBytes(out[:size])
	s.FillBytes(out[size:])
	return out
}

func signRSA(key *rsa.PrivateKey, signed string, pss bool) []byte {
	digest := sha256.Sum256([]byte(signed))
	var out []byte
	var err error
	if pss {
		out, err = rsa.SignPSS(rand.Reader, key, crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
	} else {
		out, err = rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, digest[:])
	}
	if err != nil {
		panic(err) // the key is a good one
	}
	return out
}
