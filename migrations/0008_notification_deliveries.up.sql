BEGIN;

ALTER TABLE policy_subscription ADD COLUMN failing_since timestamptz;
ALTER TABLE policy_subscription ADD COLUMN suspended_at timestamptz;
COMMENT ON COLUMN policy_subscription.failing_since IS 'Since when no delivery to it worked; NULL: the last one did, or there was none.';
COMMENT ON COLUMN policy_subscription.suspended_at IS 'Since when nothing is delivered to it, because it failed for too long; NULL: it is not suspended.';

CREATE INDEX policy_delivery_event_ix ON policy_delivery (event_id);
CREATE INDEX policy_delivery_settled_ix ON policy_delivery (settled_at) WHERE state <> 'PENDING';
CREATE INDEX policy_event_at_ix ON policy_event (at);

GRANT UPDATE (failing_since, suspended_at) ON policy_subscription TO ringfence_app;
GRANT DELETE ON policy_event TO ringfence_app;

COMMIT;
