BEGIN;

CREATE TABLE standing_constraint (
    id               text COLLATE "C"         NOT NULL,
    vnfd_id          text COLLATE "C"         NOT NULL DEFAULT '',
    vnf_instance_ids text[]                   NOT NULL DEFAULT '{}',
    ns_instance_id   text                     NOT NULL DEFAULT '',
    component_ids    text[]                   NOT NULL DEFAULT '{}',
    kind             text                     NOT NULL,
    scope            text                     NOT NULL,
    unit_ids         text[]                   NOT NULL DEFAULT '{}',
    reason           text                     NOT NULL,
    actor_id         text                     NOT NULL,
    created_at       timestamp with time zone NOT NULL,
    revision         bigint                   NOT NULL,
    CONSTRAINT standing_constraint_pk PRIMARY KEY (id),
    CONSTRAINT standing_constraint_about_ck CHECK ((vnfd_id <> '') <> (vnf_instance_ids <> '{}')),
    CONSTRAINT standing_constraint_kind_ck CHECK (kind IN ('AFFINITY', 'ANTI_AFFINITY', 'FIXED')),
    CONSTRAINT standing_constraint_units_ck CHECK ((kind = 'FIXED') = (unit_ids <> '{}'))
);
COMMENT ON TABLE standing_constraint IS 'What every request must meet about VNF instances or VNFDs, whatever it says itself. It decides, so it is in the feed and moves the epoch.';
COMMENT ON COLUMN standing_constraint.id IS 'Identifier.';
COMMENT ON COLUMN standing_constraint.vnfd_id IS 'About each VNF instance of this VNFD; empty: about vnf_instance_ids.';
COMMENT ON COLUMN standing_constraint.vnf_instance_ids IS 'About these VNF instances together, ascending; empty: about vnfd_id.';
COMMENT ON COLUMN standing_constraint.ns_instance_id IS 'The NS that the VNF instances are of, as the NFVO calls it; empty: not told.';
COMMENT ON COLUMN standing_constraint.component_ids IS 'About these components, ascending; empty: all.';
COMMENT ON COLUMN standing_constraint.kind IS 'Together, apart, or in places that are named.';
COMMENT ON COLUMN standing_constraint.scope IS 'Scope of a SOL003 placement constraint.';
COMMENT ON COLUMN standing_constraint.unit_ids IS 'The places, ascending; of FIXED only.';
COMMENT ON COLUMN standing_constraint.reason IS 'Why it was stated.';
COMMENT ON COLUMN standing_constraint.actor_id IS 'Client that stated it.';
COMMENT ON COLUMN standing_constraint.created_at IS 'When it was stated, by the database''s clock.';
COMMENT ON COLUMN standing_constraint.revision IS 'Counts the changes, from 1.';
COMMENT ON COLUMN scope_lock.id IS 'What is locked: JSON array of an NF instance, and of a component where only that is; or a standing constraint, with the VNF instance where it is about a VNFD.';

ALTER DOMAIN change_kind DROP CONSTRAINT change_kind_ck;
ALTER DOMAIN change_kind ADD CONSTRAINT change_kind_ck
    CHECK (VALUE IN ('TRUST_DOMAIN', 'TRUST_RELATION', 'NFVI_POP', 'RESOURCE_ZONE', 'HOST_POOL', 'RUNTIME_CLASS', 'HOST', 'IMAGE', 'VNF_PROFILE',
                     'STANDING_CONSTRAINT', 'RESIDENCY', 'CACHE_ENTRY', 'POLICIES', 'POLICY_EPOCH')) NOT VALID; -- it only allows more

GRANT SELECT, INSERT, DELETE ON standing_constraint TO ringfence_app;

-- An NFVO sees what it stated itself. What names a VNF instance or VNFD of lawful interception is for those who are cleared for it.

CREATE FUNCTION hidden_vnf_instance(instance_id text) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    BEGIN ATOMIC
        SELECT EXISTS (SELECT FROM public.vnf_instance_params p
                       WHERE p.vnf_instance_id = instance_id AND p.vnfd_id IN (SELECT public.hidden_vnf_profiles()))
            OR EXISTS (SELECT FROM public.residency r
                       WHERE r.vnf_instance_id = instance_id
                         AND (r.trust_domain_id IN (SELECT public.hidden_trust_domains()) OR r.host_id IN (SELECT public.hidden_hosts())));
    END;
COMMENT ON FUNCTION hidden_vnf_instance(text) IS 'Whether a VNF instance is of such a profile, or runs in these trust domains, or on these hosts.';

ALTER TABLE standing_constraint ENABLE ROW LEVEL SECURITY;
CREATE POLICY service ON standing_constraint TO ringfence_app USING (true) WITH CHECK (true);
CREATE POLICY caller ON standing_constraint FOR SELECT TO ringfence_caller
    USING (actor_id = (SELECT caller_id()) OR (SELECT caller_reads_all())
           AND vnfd_id NOT IN (SELECT hidden_vnf_profiles())
           AND ((SELECT caller_li()) OR NOT EXISTS (SELECT FROM unnest(vnf_instance_ids) AS i (id) WHERE hidden_vnf_instance(i.id))));
GRANT SELECT ON standing_constraint TO ringfence_caller;

COMMIT;
