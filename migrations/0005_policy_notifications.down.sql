BEGIN;

DROP TABLE policy_delivery;
DROP TABLE policy_event;
DROP TABLE policy_subscription;
DROP DOMAIN delivery_state;

COMMIT;
