package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
)

type policySubscriptionRow struct {
	ID                string   `db:"id"`
	ClientID          string   `db:"client_id"`
	CallbackURI       string   `db:"callback_uri"`
	NotificationTypes []string `db:"notification_types"`
	PolicyIDs         []string `db:"policy_ids"`
	ChangeTypes       []string `db:"change_types"`
	AuthTypes         []string `db:"auth_types"`
	UserName          string   `db:"user_name"`
	Password          string   `db:"password"`
	TokenEndpoint     string   `db:"token_endpoint"`
	OAuthClientID     string   `db:"oauth_client_id"`
	OAuthSecret       string   `db:"oauth_secret"`
	Secrets           []byte   `db:"secrets"`
}

const policySubscriptionColumns = `
	s.id, s.client_id, s.callback_uri, s.notification_types, s.policy_ids, s.change_types, s.auth_types, s.user_name, s.password,
	s.token_endpoint, s.oauth_client_id, s.oauth_secret, s.secrets`

// readableSubscriptionColumns are those without the secrets, which nobody may read back.
const readableSubscriptionColumns = `
	s.id, s.client_id, s.callback_uri, s.notification_types, s.policy_ids, s.change_types, s.auth_types, s.user_name, '' AS password,
	s.token_endpoint, s.oauth_client_id, '' AS oauth_secret, NULL::bytea AS secrets`

// policySubscriptionFromRow leaves the secrets alone.
func policySubscriptionFromRow(r *policySubscriptionRow) (placement.PolicySubscription, error) {
	return placement.PolicySubscription{
		ID: r.ID, ClientID: r.ClientID, CallbackURI: r.CallbackURI, PolicyIDs: r.PolicyIDs,
		AuthTypes: convert(nilIfEmpty(r.AuthTypes), func(s string) placement.AuthType { return placement.AuthType(s) }),
		UserName:  r.UserName, TokenEndpoint: r.TokenEndpoint, OAuthClientID: r.OAuthClientID,
		NotificationTypes: convert(r.NotificationTypes, func(s string) placement.NotificationType { return placement.NotificationType(s) }),
		ChangeTypes:       convert(r.ChangeTypes, func(s string) placement.PolicyOperation { return placement.PolicyOperation(s) }),
	}, nil
}

// CreatePolicySubscription stores a subscription. When the client has one with the same callback and filter, that one is
// returned instead, and created is false; from then on it has the credentials given,
// and is not suspended.
func (s *Store) CreatePolicySubscription(ctx context.Context, p placement.PolicySubscription) (stored placement.PolicySubscription, created bool, err error) {
	const sameSQL = `
		SELECT s.id
		FROM policy_subscription s
		WHERE s.client_id = $1 AND s.callback_uri = $2 AND s.notification_types IS NOT DISTINCT FROM $3::text[]
		  AND s.policy_ids IS NOT DISTINCT FROM $4::text[] AND s.change_types IS NOT DISTINCT FROM $5::text[]
		ORDER BY s.id
		LIMIT 1`
	const insertSQL = `
		INSERT INTO policy_subscription (id, user_name, auth_types, token_endpoint, oauth_client_id, secrets,
		                                 client_id, callback_uri, notification_types, policy_ids, change_types)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`
	const resumeSQL = `
		UPDATE policy_subscription SET
			suspended_at = NULL, failing_since = NULL, user_name = $2, auth_types = $3, token_endpoint = $4, oauth_client_id = $5, secrets = $6,
			password = '', oauth_secret = ''
		WHERE id = $1`
	const lockSQL = `SELECT pg_advisory_xact_lock(hashtextextended('policy_subscription ' || $1, 0))`
	types := convert(p.NotificationTypes, func(t placement.NotificationType) string { return string(t) })
	changes := convert(p.ChangeTypes, func(t placement.PolicyOperation) string { return string(t) })
	ways := notNil(convert(p.AuthTypes, func(t placement.AuthType) string { return string(t) }))
	filter := []any{p.ClientID, p.CallbackURI, types, p.PolicyIDs, changes}
	err = s.inTx(ctx, readWrite, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, lockSQL, p.ClientID); err != nil { // one at a time for each client, or two alike were stored
			return err
		}
		stored = p
		err := tx.QueryRow(ctx, sameSQL, filter...).Scan(&stored.ID)
		if created = errors.Is(err, pgx.ErrNoRows); err != nil && !created {
			return err
		}
		secrets, err := s.sealSubscription(stored.ID, subscriptionSecrets{p.Password, p.OAuthSecret})
		if err != nil {
			return err
		}
		credentials := []any{stored.ID, p.UserName, ways, p.TokenEndpoint, p.OAuthClientID, secrets}
		if !created {
			_, err = tx.Exec(ctx, resumeSQL, credentials...)
			return err
		}
		_, err = tx.Exec(ctx, insertSQL, append(credentials, filter...)...)
		return err
	})
	return stored, created, err
}

// ListPolicySubscriptions returns a page of a client's subscriptions by id, without their secrets.
func (s *Store) ListPolicySubscriptions(ctx context.Context, clientID string, page placement.Page) ([]placement.PolicySubscription, error) {
	const listSQL = `
		SELECT ` + readableSubscriptionColumns + `
		FROM policy_subscription s
		WHERE s.client_id = $1 AND s.id > $2 AND {filter}
		ORDER BY s.id
		LIMIT $3`
	return listed(ctx, s, policySubscriptionFromRow, policySubscriptionAttributes(), page, listSQL, clientID, page.After, page.Limit)
}

// policySubscriptionAttributes are what subscriptions can be filtered by: what they show, and so no secret.
func policySubscriptionAttributes() attributes {
	return attributes{
		"id": text("s.id"), "callbackUri": text("s.callback_uri"), "filter/notificationTypes": enums("s.notification_types"),
		"filter/policyIds": texts("s.policy_ids"), "filter/changeTypes": enums("s.change_types"),
		"_links/self/href": text("{base} || '/nfvpolicy/v1/subscriptions/' || s.id"),
	}
}

// GetPolicySubscription returns a subscription of a client, without its secrets.
func (s *Store) GetPolicySubscription(ctx context.Context, clientID, id string) (placement.PolicySubscription, error) {
	const getSQL = `SELECT ` + readableSubscriptionColumns + ` FROM policy_subscription s WHERE s.client_id = $1 AND s.id = $2`
	list, err := collect(ctx, s.reads(ctx), policySubscriptionFromRow, getSQL, clientID, id)
	if err == nil && len(list) == 0 {
		err = notFound("subscription", id)
	}
	if err != nil {
		return placement.PolicySubscription{}, translate(err)
	}
	return list[0], nil
}

// DeletePolicySubscription ends a subscription of a client, with what is still on its way.
func (s *Store) DeletePolicySubscription(ctx context.Context, clientID, id string) error {
	const deleteSQL = `DELETE FROM policy_subscription WHERE client_id = $1 AND id = $2 RETURNING id`
	return s.inTx(ctx, readWrite, func(tx pgx.Tx) error {
		var deleted string
		err := tx.QueryRow(ctx, deleteSQL, clientID, id).Scan(&deleted)
		if errors.Is(err, pgx.ErrNoRows) {
			return notFound("subscription", id)
		}
		return err
	})
}
