BEGIN;

DROP INDEX directive_unsettled_ix;
DROP TABLE directive_follower;
DELETE FROM violation WHERE source = 'DIRECTIVES';
ALTER TABLE violation DROP CONSTRAINT violation_source_ck;
ALTER TABLE violation ADD CONSTRAINT violation_source_ck CHECK (source IN ('RULES', 'OBSERVATION'));

COMMIT;
