-- A VNF instance belongs to the client that got the first grant for it, whatever the operation was. Instances that have grants
-- already are given to the client of the first of them.

BEGIN;

ALTER TABLE vnf_instance_params ADD COLUMN client_id text NOT NULL DEFAULT '';
COMMENT ON TABLE vnf_instance_params IS 'Whose a VNF instance is, and what the policy saw when it was instantiated, for later operations that do not carry it again. Part of requests, not of the state that decides: outside of epoch and feed.';
COMMENT ON COLUMN vnf_instance_params.client_id IS 'Client of its first grant, to which alone it exists; empty: nobody''s yet.';
COMMENT ON COLUMN vnf_instance_params.grant_id IS 'Grant of the instantiation; of the first operation while there was none.';

INSERT INTO vnf_instance_params (vnf_instance_id, vnfd_id, params, grant_id, recorded_at)
SELECT DISTINCT ON (g.vnf_instance_id) g.vnf_instance_id, coalesce(r.vnfd_id, ''), '{}', g.id, g.granted_at
FROM vnf_grant g
LEFT JOIN residency r ON r.grant_id = g.id
ORDER BY g.vnf_instance_id, g.granted_at, g.id
ON CONFLICT DO NOTHING;

UPDATE vnf_instance_params p SET client_id = f.client_id
FROM (SELECT DISTINCT ON (g.vnf_instance_id) g.vnf_instance_id, g.client_id
      FROM vnf_grant g
      ORDER BY g.vnf_instance_id, g.granted_at, g.id) f
WHERE f.vnf_instance_id = p.vnf_instance_id;

COMMIT;
