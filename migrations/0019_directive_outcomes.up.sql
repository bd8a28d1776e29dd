BEGIN;

ALTER TABLE violation DROP CONSTRAINT violation_source_ck;
ALTER TABLE violation ADD CONSTRAINT violation_source_ck CHECK (source IN ('RULES', 'OBSERVATION', 'DIRECTIVES'));
COMMENT ON COLUMN violation.source IS 'What found it: RULES held what is decided against the policies in force, OBSERVATION what a host reports against what is decided, DIRECTIVES what hosts were told against what they answered.';
COMMENT ON COLUMN violation.object IS 'What else it is about: an artefact, what the NFVI calls a workload, or a directive; empty: nothing.';

CREATE TABLE directive_follower (
    nfvi_pop_id text             NOT NULL,
    host_id     text COLLATE "C" NOT NULL,
    whole_host  boolean          NOT NULL,
    CONSTRAINT directive_follower_pk PRIMARY KEY (nfvi_pop_id, host_id)
);
COMMENT ON TABLE directive_follower IS 'Hosts of which directives were ever acknowledged: from them an answer is expected.';
COMMENT ON COLUMN directive_follower.nfvi_pop_id IS 'NFVI-PoP of the host.';
COMMENT ON COLUMN directive_follower.host_id IS 'Host.';
COMMENT ON COLUMN directive_follower.whole_host IS 'Directives about the host itself were acknowledged, not only those about workloads, which a CISM or VIM answers as well.';

INSERT INTO directive_follower (nfvi_pop_id, host_id, whole_host)
SELECT nfvi_pop_id, host_id, bool_or(kind NOT IN ('PLACE', 'RELEASE')) FROM directive WHERE ack_outcome IS NOT NULL GROUP BY nfvi_pop_id, host_id;

CREATE INDEX directive_unsettled_ix ON directive (nfvi_pop_id, host_id, seq) WHERE ack_outcome IS NULL OR ack_outcome = 'FAILED';

GRANT SELECT, INSERT, UPDATE ON directive_follower TO ringfence_app;

COMMIT;
