BEGIN;

CREATE TABLE policy_conflict (
    id       text COLLATE "C" NOT NULL,
    found_at timestamptz      NOT NULL DEFAULT statement_timestamp(),
    CONSTRAINT policy_conflict_pk PRIMARY KEY (id)
);
COMMENT ON TABLE policy_conflict IS 'Policies in force that contradict each other, as long as they do: subscribers are told of each once.';
COMMENT ON COLUMN policy_conflict.id IS 'The policies and their versions, in order.';
COMMENT ON COLUMN policy_conflict.found_at IS 'When it was found.';

GRANT SELECT, INSERT, DELETE ON policy_conflict TO ringfence_app;

COMMIT;
