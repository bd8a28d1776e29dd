BEGIN;

ALTER TABLE violation
    ADD COLUMN source text             NOT NULL DEFAULT 'RULES',
    ADD COLUMN object text COLLATE "C" NOT NULL DEFAULT '',
    ADD CONSTRAINT violation_source_ck CHECK (source IN ('RULES', 'OBSERVATION'));
DROP INDEX violation_open_ix;
CREATE UNIQUE INDEX violation_open_ix ON violation (nfvi_pop_id, host_id, source, residency_id, policy_id, rule_id, against_id, object) WHERE until IS NULL;
COMMENT ON COLUMN violation.source IS 'What found it: RULES held what is decided against the policies in force, OBSERVATION what a host reports against what is decided.';
COMMENT ON COLUMN violation.object IS 'What else it is about: an artefact, or what the NFVI calls a workload; empty: nothing.';

CREATE TABLE cache_order (
    nfvi_pop_id     text             NOT NULL,
    host_id         text COLLATE "C" NOT NULL,
    digest          text COLLATE "C" NOT NULL,
    trust_domain_id text COLLATE "C" NOT NULL,
    mode            text             NOT NULL,
    CONSTRAINT cache_order_pk PRIMARY KEY (nfvi_pop_id, host_id, digest, trust_domain_id),
    CONSTRAINT cache_order_mode_ck CHECK (mode IN ('SHARED', 'DOMAIN_PRIVATE', 'ENCRYPTED', 'GUEST_ONLY', 'NO_STORE')),
    CONSTRAINT cache_order_domain_ck CHECK (mode <> 'SHARED' OR trust_domain_id = '')
);
COMMENT ON TABLE cache_order IS 'What hosts were told of artefacts in their caches: the newest CACHE directive about each, unless a later PURGE took it back.';
COMMENT ON COLUMN cache_order.nfvi_pop_id IS 'NFVI-PoP of the host.';
COMMENT ON COLUMN cache_order.host_id IS 'Host.';
COMMENT ON COLUMN cache_order.digest IS 'Digest of the artefact; "*" for whatever a workload brings that names none.';
COMMENT ON COLUMN cache_order.trust_domain_id IS 'Trust domain that it lies there for; empty for SHARED.';
COMMENT ON COLUMN cache_order.mode IS 'Form in which it may lie there, or a stricter one.';

-- What hosts were told until now, newest first.
INSERT INTO cache_order (nfvi_pop_id, host_id, digest, trust_domain_id, mode)
SELECT DISTINCT ON (c.nfvi_pop_id, c.host_id, c.digest, c.trust_domain_id) c.nfvi_pop_id, c.host_id, c.digest, c.trust_domain_id, c.mode
FROM (SELECT nfvi_pop_id, host_id, seq, body->>'digest' AS digest, body->>'mode' AS mode,
             CASE WHEN body->>'mode' = 'SHARED' THEN '' ELSE coalesce(body->'visibleToTrustDomainIds'->>0, '') END AS trust_domain_id
      FROM directive WHERE kind = 'CACHE') AS c
WHERE NOT EXISTS (SELECT FROM directive p
                  WHERE p.nfvi_pop_id = c.nfvi_pop_id AND p.host_id = c.host_id AND p.kind = 'PURGE' AND p.seq > c.seq
                    AND (p.body->>'all' = 'true' OR p.body->>'trustDomainId' = c.trust_domain_id OR p.body->'digests' #>> '{}' LIKE '%"' || c.digest || '"%'))
ORDER BY c.nfvi_pop_id, c.host_id, c.digest, c.trust_domain_id, c.seq DESC;

ALTER TABLE observed_residency
    ADD COLUMN images text[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN observed_residency.images IS 'Digests of what it runs; empty: not told.';

GRANT SELECT, INSERT, UPDATE, DELETE ON cache_order TO ringfence_app;

COMMIT;
