BEGIN;

DROP TABLE violation;
DROP TABLE violation_check;

COMMIT;
