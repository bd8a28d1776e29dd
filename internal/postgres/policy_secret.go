package postgres

import (
	"context"
	"encoding/json"

	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
)

// subscriptionSecrets are what a subscription keeps sealed: one document, bound to the subscription's id.
type subscriptionSecrets struct {
	Password    string `json:"password,omitempty"`
	OAuthSecret string `json:"oauthSecret,omitempty"`
}

func ofSubscription(id string) string { return "policy_subscription " + id }

// sealSubscription returns the secrets of a subscription as the database may hold them; nil where there are none.
func (s *Store) sealSubscription(id string, secrets subscriptionSecrets) ([]byte, error) {
	if secrets == (subscriptionSecrets{}) {
		return nil, nil
	}
	//nolint:gosec // G117: it is sealed.
	doc, err := json.Marshal(secrets)
	if err != nil {
		return nil, err
	}
	return s.secrets.Seal(doc, ofSubscription(id)), nil
}

// openSubscription fills in the secrets of a subscription. Where no key opens them it is unreadable, which is no reason to stop others.
func (s *Store) openSubscription(p *placement.PolicySubscription, r *policySubscriptionRow) {
	if r.Secrets == nil {
		p.Password, p.OAuthSecret = r.Password, r.OAuthSecret // from before they were sealed
		return
	}
	var secrets subscriptionSecrets
	doc, err := s.secrets.Open(r.Secrets, ofSubscription(r.ID))
	if err == nil {
		err = json.Unmarshal(doc, &secrets)
	}
	p.Password, p.OAuthSecret, p.Unreadable = secrets.Password, secrets.OAuthSecret, err != nil
}

// SealSecrets seals with the first key what an older one has sealed, and what no key has, and returns how many secrets no key opens.
func (s *Store) SealSecrets(ctx context.Context) (unreadable int, err error) {
	const openSQL = `
		SELECT ` + policySubscriptionColumns + `
		FROM policy_subscription s
		WHERE s.secrets IS NOT NULL OR s.password <> '' OR s.oauth_secret <> ''
		ORDER BY s.id
		FOR UPDATE`
	const sealSQL = `UPDATE policy_subscription SET secrets = $2, password = '', oauth_secret = '' WHERE id = $1`
	err = s.inTx(ctx, readWrite, func(tx pgx.Tx) error {
		unreadable = 0
		rows, err := collect(ctx, tx, func(r *policySubscriptionRow) (policySubscriptionRow, error) { return *r, nil }, openSQL)
		if err != nil {
			return err
		}
		for i := range rows {
			var p placement.PolicySubscription
			s.openSubscription(&p, &rows[i])
			if p.Unreadable {
				unreadable++
				continue
			}
			if s.secrets.Current(rows[i].Secrets) {
				continue
			}
			sealed, err := s.sealSubscription(rows[i].ID, subscriptionSecrets{p.Password, p.OAuthSecret})
			if err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, sealSQL, rows[i].ID, sealed); err != nil {
				return err
			}
		}
		return nil
	})
	return unreadable, err
}
