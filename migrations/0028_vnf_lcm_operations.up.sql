BEGIN;

CREATE TABLE vnf_lcm_operation (
    nfvi_pop_id text             NOT NULL,
    grant_id    text COLLATE "C" NOT NULL,
    state       text             NOT NULL,
    event_at    timestamptz,
    noted_at    timestamptz      NOT NULL,
    CONSTRAINT vnf_lcm_operation_pk PRIMARY KEY (nfvi_pop_id, grant_id),
    CONSTRAINT vnf_lcm_operation_state_ck CHECK (state IN ('STARTING', 'PROCESSING', 'COMPLETED', 'FAILED_TEMP', 'FAILED', 'ROLLING_BACK', 'ROLLED_BACK'))
);
COMMENT ON TABLE vnf_lcm_operation IS 'What became of the VNF LCM operation occurrences that were granted, as VNFMs and NFVOs tell.';
COMMENT ON COLUMN vnf_lcm_operation.nfvi_pop_id IS 'NFVI-PoP of the grant.';
COMMENT ON COLUMN vnf_lcm_operation.grant_id IS 'The grant that the operation was given.';
COMMENT ON COLUMN vnf_lcm_operation.state IS 'State of the operation. After COMPLETED, FAILED or ROLLED_BACK none follows.';
COMMENT ON COLUMN vnf_lcm_operation.event_at IS 'When the operation came to it, by the clock of who told; NULL: not told.';
COMMENT ON COLUMN vnf_lcm_operation.noted_at IS 'When it was noted here, after everything that follows from it was done.';

GRANT SELECT, INSERT, UPDATE ON vnf_lcm_operation TO ringfence_app;

COMMIT;
