BEGIN;

DROP TABLE access_refusal;

COMMIT;
