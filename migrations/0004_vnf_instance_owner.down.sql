BEGIN;

ALTER TABLE vnf_instance_params DROP COLUMN client_id;
COMMENT ON TABLE vnf_instance_params IS 'What the policy saw when a VNF was instantiated, for later operations that do not carry it again. Part of requests, not of the state that decides: outside of epoch and feed.';
COMMENT ON COLUMN vnf_instance_params.grant_id IS 'Grant of the instantiation.';

COMMIT;
