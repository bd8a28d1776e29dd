package auth

import (
	"context"
	"encoding/base64"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
	josejson "github.com/go-jose/go-jose/v4/json"
)

// Algorithms are the algorithms that tokens can be signed with. None of them has a shared secret.
func Algorithms() []string {
	return []string{"ES256", "ES384", "ES512", "PS256", "PS384", "PS512", "RS256", "RS384", "RS512", "EdDSA"}
}

// headers are the members that the header of a token may have. All others either change what is verified (b64, crit, zip, enc), bring
// a key along (jwk, x5c) or say where one is (jku, x5u), and a token with one of them is refused.
var headers = []string{"alg", "kid", "typ", "x5t", "x5t#S256"}

// header is what the header of a token says.
type header struct {
	Algorithm string `json:"alg"`
	KeyID     string `json:"kid"`
	Type      string `json:"typ"`
}

// parse verifies a JWT and returns its claims.
func (s *AuthorizationServer) parse(ctx context.Context, token string) (*claims, error) {
	h, err := parseHeader(token)
	if err != nil {
		return nil, err
	}
	if !s.accept[h.Algorithm] {
		return nil, invalid("an algorithm that is not accepted")
	}
	if t := strings.ToLower(strings.TrimPrefix(strings.ToLower(h.Type), "application/")); t != "" && t != "at+jwt" && t != "jwt" {
		return nil, invalid("a token of another type")
	}
	jws, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(h.Algorithm)})
	if err != nil {
		return nil, invalid("no JWT")
	}
	key, err := s.keys.find(ctx, h.KeyID, h.Algorithm)
	if err != nil {
		return nil, err
	}
	payload, err := jws.Verify(key)
	if err != nil {
		return nil, invalid("its signature is wrong")
	}
	c, err := parseClaims(payload)
	if err != nil {
		return nil, invalid("its claims are not what they should be")
	}
	return c, nil
}

func parseHeader(token string) (*header, error) {
	first, _, _ := strings.Cut(token, ".")
	data, err := base64.RawURLEncoding.DecodeString(first)
	if err != nil {
		return nil, invalid("no JWT")
	}
	var members map[string]any
	if err := josejson.Unmarshal(data, &members); err != nil {
		return nil, invalid("no JWT")
	}
	for name := range members {
		if !slices.Contains(headers, name) {
			return nil, invalid("a header that is not accepted")
		}
	}
	h := &header{}
	if err := josejson.Unmarshal(data, h); err != nil {
		return nil, invalid("no JWT")
	}
	return h, nil
}
