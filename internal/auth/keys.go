package auth

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	josejson "github.com/go-jose/go-jose/v4/json"
)

const (
	keysEvery    = 30 * time.Second // how often keys are fetched: how long one that was removed may still be used
	keysAgain    = 10 * time.Second // for an unknown key they are fetched at most so often
	keysGoodFor  = 15 * time.Minute // while the server does not answer
	maxKeys      = 64
	minRSAModulo = 2048 // bits
	maxRSAModulo = 8192
)

// keySet is the keys of an authorization server.
type keySet struct {
	fetch  func(ctx context.Context) ([]byte, error)
	accept map[string]bool
	log    *slog.Logger
	now    func() time.Time

	fetching sync.Mutex // held while keys are fetched, so that one request does; taken before mu

	mu    sync.Mutex
	keys  []jose.JSONWebKey
	good  time.Time // when keys were fetched last
	tried time.Time // when that was tried last
}

func newKeySet(fetch func(context.Context) ([]byte, error), accept map[string]bool, log *slog.Logger) *keySet {
	return &keySet{fetch: fetch, accept: accept, log: log, now: time.Now}
}

// run fetches the keys again and again.
func (k *keySet) run(ctx context.Context) {
	tick := time.NewTicker(keysEvery)
	defer tick.Stop()
	for {
		k.refresh(ctx, 0)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// find is the key that a token names, for the algorithm that it names. For a key that is unknown the keys are fetched again, at most once
// in a while however many tokens name such.
func (k *keySet) find(ctx context.Context, kid, algorithm string) (any, error) {
	key, ok, known := k.look(kid, algorithm)
	if !ok {
		k.refresh(context.WithoutCancel(ctx), keysAgain) // whoever asks may go away, and others need the answer
		key, ok, known = k.look(kid, algorithm)
	}
	switch {
	case !known:
		return nil, fmt.Errorf("%w: the keys of the authorization server are not known", ErrUnavailable)
	case !ok:
		return nil, invalid("signed with an unknown key")
	}
	return key, nil
}

// look is the key of a name, and whether the keys are known at all.
func (k *keySet) look(kid, algorithm string) (key any, ok, known bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	key, ok = k.lookup(kid, algorithm)
	return key, ok, !k.good.IsZero() && k.now().Sub(k.good) <= keysGoodFor
}

// lookup is the key of a name. A token without one has the only key that fits.
func (k *keySet) lookup(kid, algorithm string) (key any, ok bool) {
	for i := range k.keys {
		candidate := &k.keys[i]
		if kid != "" && candidate.KeyID != kid || !fits(candidate, algorithm) {
			continue
		}
		if ok {
			return nil, false // two keys of one name: neither
		}
		key, ok = candidate.Key, true
	}
	return key, ok
}

// fits tells whether a key may be used with an algorithm. Which one that is the token says, so it must be the key's own.
func fits(key *jose.JSONWebKey, algorithm string) bool {
	if key.Algorithm != "" && key.Algorithm != algorithm {
		return false
	}
	switch public := key.Key.(type) {
	case *ecdsa.PublicKey:
		return algorithm == map[int]string{256: "ES256", 384: "ES384", 521: "ES512"}[public.Curve.Params().BitSize]
	case *rsa.PublicKey:
		return algorithm[:2] == "RS" || algorithm[:2] == "PS"
	case ed25519.PublicKey:
		return algorithm == "EdDSA"
	}
	return false
}

// refresh fetches the keys, unless that was tried a moment ago. When it fails the ones before stay.
func (k *keySet) refresh(ctx context.Context, atMostEvery time.Duration) {
	k.fetching.Lock()
	defer k.fetching.Unlock()
	if !k.due(atMostEvery) {
		return
	}
	data, err := k.fetch(ctx)
	var keys []jose.JSONWebKey
	if err == nil {
		keys, err = parseKeys(data)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case err == nil:
		k.keys, k.good = keys, k.now()
	case ctx.Err() == nil:
		k.log.WarnContext(ctx, "the keys of the authorization server cannot be fetched", "error", err.Error(), "known", len(k.keys))
	}
}

func (k *keySet) due(atMostEvery time.Duration) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.now()
	if now.Sub(k.tried) < atMostEvery {
		return false
	}
	k.tried = now
	return true
}

// parseKeys reads a key set, and leaves out what signs no tokens or is too weak.
func parseKeys(data []byte) ([]jose.JSONWebKey, error) {
	var set struct {
		Keys []josejson.RawMessage `json:"keys"`
	}
	if err := josejson.Unmarshal(data, &set); err != nil {
		return nil, fmt.Errorf("key set: %w", err)
	}
	if len(set.Keys) > maxKeys {
		return nil, fmt.Errorf("key set: %d keys, %d are read", len(set.Keys), maxKeys)
	}
	var keys []jose.JSONWebKey
	for _, raw := range set.Keys {
		var key jose.JSONWebKey
		if key.UnmarshalJSON(raw) == nil && usable(&key) {
			keys = append(keys, key)
		}
	}
	return keys, nil
}

func usable(key *jose.JSONWebKey) bool {
	if !key.IsPublic() || !key.Valid() || key.Use != "" && key.Use != "sig" {
		return false
	}
	if public, ok := key.Key.(*rsa.PublicKey); ok {
		return public.N.BitLen() >= minRSAModulo && public.N.BitLen() <= maxRSAModulo && public.E >= 3
	}
	return true
}
