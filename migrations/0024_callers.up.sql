-- What callers of the APIs read, they read as a role of their own, which may only read and which row level security
-- shows what is theirs to know: what they asked for themselves, or everything for those whose role it is to know what
-- others run; and what belongs to lawful interception only to those who are cleared for it. The service itself reads as
-- ringfence_app, which sees everything: a decision has to.
--
-- A transaction becomes a caller's by set_config of ringfence.client_id, ringfence.reads_all (on, off), ringfence.li (on,
-- off) and role, all local to it. Unset settings show nothing.

BEGIN;

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'ringfence_caller') THEN
        CREATE ROLE ringfence_caller NOLOGIN;
    END IF;
    IF NOT pg_has_role('ringfence_app', 'ringfence_caller', 'MEMBER') THEN
        GRANT ringfence_caller TO ringfence_app;
    END IF;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN NULL; -- another database of this server was migrated just now
    WHEN insufficient_privilege THEN
        RAISE EXCEPTION 'this role may not create roles' USING
            HINT = 'As an administrator: CREATE ROLE ringfence_caller NOLOGIN; GRANT ringfence_caller TO ringfence_app; then migrate again.';
END
$$;

-- Who reads. Subselects around these make the planner ask once per statement.

CREATE FUNCTION caller_id() RETURNS text
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN current_setting('ringfence.client_id', true);
COMMENT ON FUNCTION caller_id() IS 'The client that reads.';

CREATE FUNCTION caller_reads_all() RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN current_setting('ringfence.reads_all', true) IS NOT DISTINCT FROM 'on';
COMMENT ON FUNCTION caller_reads_all() IS 'Whether it may know what others run.';

CREATE FUNCTION caller_li() RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN current_setting('ringfence.li', true) IS NOT DISTINCT FROM 'on';
COMMENT ON FUNCTION caller_li() IS 'Whether it may know of lawful interception.';

-- What is hidden from callers that are not cleared. These see the tables as their owner does, not as the caller.

CREATE FUNCTION hidden_trust_domains() RETURNS SETOF text
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    BEGIN ATOMIC
        SELECT id FROM public.trust_domain WHERE category = 'LI' AND NOT public.caller_li();
    END;
COMMENT ON FUNCTION hidden_trust_domains() IS 'Trust domains of lawful interception.';

CREATE FUNCTION hidden_host_pools() RETURNS SETOF text
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    BEGIN ATOMIC
        SELECT p.id FROM public.host_pool p
        WHERE EXISTS (SELECT FROM public.hidden_trust_domains() AS d (id) WHERE d.id = ANY (p.allowed_trust_domain_ids));
    END;
COMMENT ON FUNCTION hidden_host_pools() IS 'Pools that admit them.';

CREATE FUNCTION hidden_hosts() RETURNS SETOF text
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    BEGIN ATOMIC
        SELECT h.id FROM public.host h WHERE h.host_pool_id IN (SELECT public.hidden_host_pools());
    END;
COMMENT ON FUNCTION hidden_hosts() IS 'Hosts of these pools.';

CREATE FUNCTION hidden_vnf_profiles() RETURNS SETOF text
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    BEGIN ATOMIC
        SELECT p.vnfd_id FROM public.vnf_profile p
        WHERE p.trust_domain_id IN (SELECT public.hidden_trust_domains())
           OR EXISTS (SELECT FROM jsonb_array_elements(p.components) AS c (component)
                      WHERE c.component ->> 'trustDomainId' IN (SELECT public.hidden_trust_domains()));
    END;
COMMENT ON FUNCTION hidden_vnf_profiles() IS 'Profiles with components in these trust domains.';

CREATE FUNCTION hidden_images() RETURNS SETOF text
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    BEGIN ATOMIC
        WITH used AS (
            SELECT i.digest, p.vnfd_id IN (SELECT public.hidden_vnf_profiles()) AS hidden
            FROM public.vnf_profile p, jsonb_array_elements(p.components) AS c (component), jsonb_array_elements_text(c.component -> 'images') AS i (digest)
        )
        SELECT digest FROM used WHERE NOT public.caller_li() GROUP BY digest HAVING bool_and(hidden);
    END;
COMMENT ON FUNCTION hidden_images() IS 'Images that nothing but these profiles uses.';

CREATE FUNCTION hidden_residency(residency_id text) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    BEGIN ATOMIC
        SELECT EXISTS (
            SELECT FROM public.residency r
            WHERE r.id = residency_id
              AND (r.trust_domain_id IN (SELECT public.hidden_trust_domains()) OR r.host_id IN (SELECT public.hidden_hosts())));
    END;
COMMENT ON FUNCTION hidden_residency(text) IS 'Whether something runs in these trust domains, or on these hosts.';

CREATE FUNCTION hidden_names() RETURNS text[]
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    BEGIN ATOMIC
        SELECT coalesce(array_agg(to_json(h.id)::text), '{}')
        FROM (
            SELECT public.hidden_trust_domains() UNION ALL SELECT public.hidden_host_pools()
            UNION ALL SELECT public.hidden_hosts() UNION ALL SELECT public.hidden_vnf_profiles()
        ) AS h (id);
    END;
COMMENT ON FUNCTION hidden_names() IS 'All of their ids, as JSON writes them.';

CREATE FUNCTION names_any(document text, names text[]) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    BEGIN ATOMIC
        SELECT EXISTS (SELECT FROM unnest(names) AS n (name) WHERE position(n.name IN document) > 0);
    END;
COMMENT ON FUNCTION names_any(text, text[]) IS 'Whether a JSON document has one of the names in it.';

CREATE FUNCTION owns_grant(grant_id text) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    BEGIN ATOMIC
        SELECT EXISTS (
            SELECT FROM public.directory l
            JOIN public.vnf_grant g ON g.nfvi_pop_id = l.nfvi_pop_id AND g.id = l.id
            WHERE l.kind = 'GRANT' AND l.id = grant_id AND g.client_id = public.caller_id());
    END;
COMMENT ON FUNCTION owns_grant(text) IS 'Whether the caller asked for a grant.';

-- What operations staff, authors, approvers and auditors read

ALTER TABLE trust_domain ENABLE ROW LEVEL SECURITY;
CREATE POLICY service ON trust_domain TO ringfence_app USING (true) WITH CHECK (true);
CREATE POLICY caller ON trust_domain FOR SELECT TO ringfence_caller
    USING ((SELECT caller_reads_all())
           AND id NOT IN (SELECT hidden_trust_domains()));

ALTER TABLE trust_relation ENABLE ROW LEVEL SECURITY;
CREATE POLICY service ON trust_relation TO ringfence_app USING (true) WITH CHECK (true);
CREATE POLICY caller ON trust_relation FOR SELECT TO ringfence_caller
    USING ((SELECT caller_reads_all())
           AND from_id NOT IN (SELECT hidden_trust_domains()) AND to_id NOT IN (SELECT hidden_trust_domains()));

ALTER TABLE nfvi_pop ENABLE ROW LEVEL SECURITY;
CREATE POLICY service ON nfvi_pop TO ringfence_app USING (true) WITH CHECK (true);
CREATE POLICY caller ON nfvi_pop FOR SELECT TO ringfence_caller
    USING ((SELECT caller_reads_all()));

ALTER TABLE resource_zone ENABLE ROW LEVEL SECURITY;
CREATE POLICY service ON resource_zone TO ringfence_app USING (true) WITH CHECK (true);
CREATE POLICY caller ON resource_zone FOR SELECT TO ringfence_caller
    USING ((SELECT caller_reads_all()));

ALTER TABLE host_pool ENABLE ROW LEVEL SECURITY;
CREATE POLICY service ON host_pool TO ringfence_app USING (true) WITH CHECK (true);
CREATE POLICY caller ON host_pool FOR SELECT TO ringfence_caller
    USING ((SELECT caller_reads_all())
           AND id NOT IN (SELECT hidden_host_pools()));

ALTER TABLE runtime_class ENABLE ROW LEVEL SECURITY;
CREATE POLICY service ON runtime_class TO ringfence_app USING (true) WITH CHECK (true);
CREATE POLICY caller ON runtime_class FOR SELECT TO ringfence_caller
    USING ((SELECT caller_reads_all()));

ALTER TABLE image ENABLE ROW LEVEL SECURITY;
CREATE POLICY service ON image TO ringfence_app USING (true) WITH CHECK (true);
CREATE POLICY caller ON image FOR SELECT TO ringfence_caller
    USING ((SELECT caller_reads_all())
           AND digest NOT IN (SELECT hidden_images()));

ALTER TABLE vnf_profile ENABLE ROW LEVEL SECURITY;
CREATE POLICY service ON vnf_profile TO ringfence_app USING (true) WITH CHECK (true);
CREATE POLICY caller ON vnf_profile FOR SELECT TO ringfence_caller
    USING ((SELECT caller_reads_all())
           AND vnfd_id NOT IN (SELECT hidden_vnf_profiles()));

ALTER TABLE policy ENABLE ROW LEVEL SECURITY;
CREATE POLICY service ON policy TO ringfence_app USING (true) WITH CHECK (true);
CREATE POLICY caller ON policy FOR SELECT TO ringfence_caller
    USING ((SELECT caller_reads_all()));

ALTER TABLE policy_version ENABLE ROW LEVEL SECURITY;
CREATE POLICY service ON policy_version TO ringfence_app USING (true) WITH CHECK (true);
CREATE POLICY caller ON policy_version FOR SELECT TO ringfence_caller
    USING ((SELECT caller_reads_all()));

ALTER TABLE policy_epoch ENABLE ROW LEVEL SECURITY;
CREATE POLICY service ON policy_epoch TO ringfence_app USING (true) WITH CHECK (true);
CREATE POLICY caller ON policy_epoch FOR SELECT TO ringfence_caller
    USING ((SELECT caller_reads_all()));

ALTER TABLE pending_change ENABLE ROW LEVEL SECURITY;
CREATE POLICY service ON pending_change TO ringfence_app USING (true) WITH CHECK (true);
CREATE POLICY caller ON pending_change FOR SELECT TO ringfence_caller
    USING ((SELECT caller_reads_all())
           AND NOT names_any(changes::text, (SELECT hidden_names())) AND NOT (changes @? '$.**.category ? (@ == "LI")' AND NOT (SELECT caller_li())));

ALTER TABLE host ENABLE ROW LEVEL SECURITY;
CREATE POLICY service ON host TO ringfence_app USING (true) WITH CHECK (true);
CREATE POLICY caller ON host FOR SELECT TO ringfence_caller
    USING ((SELECT caller_reads_all())
           AND id NOT IN (SELECT hidden_hosts()));

ALTER TABLE host_ext_capacity ENABLE ROW LEVEL SECURITY;
CREATE POLICY service ON host_ext_capacity TO ringfence_app USING (true) WITH CHECK (true);
CREATE POLICY caller ON host_ext_capacity FOR SELECT TO ringfence_caller
    USING ((SELECT caller_reads_all())
           AND host_id NOT IN (SELECT hidden_hosts()));

ALTER TABLE residue ENABLE ROW LEVEL SECURITY;
CREATE POLICY service ON residue TO ringfence_app USING (true) WITH CHECK (true);
CREATE POLICY caller ON residue FOR SELECT TO ringfence_caller
    USING ((SELECT caller_reads_all())
           AND host_id NOT IN (SELECT hidden_hosts()) AND trust_domain_id NOT IN (SELECT hidden_trust_domains()));

ALTER TABLE scrub_record ENABLE ROW LEVEL SECURITY;
CREATE POLICY service ON scrub_record TO ringfence_app USING (true) WITH CHECK (true);
CREATE POLICY caller ON scrub_record FOR SELECT TO ringfence_caller
    USING ((SELECT caller_reads_all())
           AND host_id NOT IN (SELECT hidden_hosts()));

ALTER TABLE attestation_record ENABLE ROW LEVEL SECURITY;
CREATE POLICY service ON attestation_record TO ringfence_app USING (true) WITH CHECK (true);
CREATE POLICY caller ON attestation_record FOR SELECT TO ringfence_caller
    USING ((SELECT caller_reads_all())
           AND host_id NOT IN (SELECT hidden_hosts()));

ALTER TABLE cache_entry ENABLE ROW LEVEL SECURITY;
CREATE POLICY service ON cache_entry TO ringfence_app USING (true) WITH CHECK (true);
CREATE POLICY caller ON cache_entry FOR SELECT TO ringfence_caller
    USING ((SELECT caller_reads_all())
           AND host_id NOT IN (SELECT hidden_hosts()) AND trust_domain_id NOT IN (SELECT hidden_trust_domains()) AND digest NOT IN (SELECT hidden_images()));

ALTER TABLE violation ENABLE ROW LEVEL SECURITY;
CREATE POLICY service ON violation TO ringfence_app USING (true) WITH CHECK (true);
CREATE POLICY caller ON violation FOR SELECT TO ringfence_caller
    USING ((SELECT caller_reads_all())
           AND host_id NOT IN (SELECT hidden_hosts()) AND trust_domain_id NOT IN (SELECT hidden_trust_domains())
               AND (against_id = '' OR (SELECT caller_li()) OR NOT hidden_residency(against_id)));

ALTER TABLE policy_event ENABLE ROW LEVEL SECURITY;
CREATE POLICY service ON policy_event TO ringfence_app USING (true) WITH CHECK (true);
CREATE POLICY caller ON policy_event FOR SELECT TO ringfence_caller
    USING ((SELECT caller_reads_all()));

-- What a client reads of its own as well

ALTER TABLE decision ENABLE ROW LEVEL SECURITY;
CREATE POLICY service ON decision TO ringfence_app USING (true) WITH CHECK (true);
CREATE POLICY caller ON decision FOR SELECT TO ringfence_caller
    USING (client_id = (SELECT caller_id()) OR (SELECT caller_reads_all()) 
           AND (inputs ->> 'withoutLi' = 'true' OR NOT names_any(inputs::text, (SELECT hidden_names())))); -- who is not cleared is answered without it

ALTER TABLE vnf_grant ENABLE ROW LEVEL SECURITY;
CREATE POLICY service ON vnf_grant TO ringfence_app USING (true) WITH CHECK (true);
CREATE POLICY caller ON vnf_grant FOR SELECT TO ringfence_caller
    USING (client_id = (SELECT caller_id()) OR (SELECT caller_reads_all()) AND NOT names_any(placements::text, (SELECT hidden_names())));

ALTER TABLE residency ENABLE ROW LEVEL SECURITY;
CREATE POLICY service ON residency TO ringfence_app USING (true) WITH CHECK (true);
CREATE POLICY caller ON residency FOR SELECT TO ringfence_caller
    USING (owns_grant(grant_id) OR (SELECT caller_reads_all()) AND trust_domain_id NOT IN (SELECT hidden_trust_domains()) AND host_id NOT IN (SELECT hidden_hosts()));

ALTER TABLE policy_subscription ENABLE ROW LEVEL SECURITY;
CREATE POLICY service ON policy_subscription TO ringfence_app USING (true) WITH CHECK (true);
CREATE POLICY caller ON policy_subscription FOR SELECT TO ringfence_caller
    USING (client_id = (SELECT caller_id()) OR (SELECT caller_reads_all()));

ALTER TABLE policy_delivery ENABLE ROW LEVEL SECURITY;
CREATE POLICY service ON policy_delivery TO ringfence_app USING (true) WITH CHECK (true);
CREATE POLICY caller ON policy_delivery FOR SELECT TO ringfence_caller
    USING (EXISTS (SELECT FROM policy_subscription s WHERE s.id = subscription_id));

-- Where hosts, grants and decisions are to be found. Ids of grants and decisions cannot be guessed, and lead nowhere by themselves.

ALTER TABLE directory ENABLE ROW LEVEL SECURITY;
CREATE POLICY service ON directory TO ringfence_app USING (true) WITH CHECK (true);
CREATE POLICY caller ON directory FOR SELECT TO ringfence_caller
    USING (kind <> 'HOST' AND (SELECT caller_id()) <> '' OR (SELECT caller_reads_all()) AND id NOT IN (SELECT hidden_hosts()));

-- Rights

GRANT USAGE ON SCHEMA public TO ringfence_caller;
GRANT SELECT ON trust_domain, trust_relation, nfvi_pop, resource_zone, host_pool, runtime_class, image, vnf_profile, policy, policy_version,
    policy_epoch, pending_change, host, host_ext_capacity, residue, scrub_record, attestation_record, cache_entry, violation, policy_event,
    decision, vnf_grant, residency, policy_delivery, directory TO ringfence_caller;
GRANT SELECT (id, client_id, callback_uri, notification_types, policy_ids, change_types, auth_types, user_name, token_endpoint, oauth_client_id,
    failing_since, suspended_at) ON policy_subscription TO ringfence_caller; -- the secrets are not for readers

REVOKE ALL ON FUNCTION hidden_trust_domains(), hidden_host_pools(), hidden_hosts(), hidden_vnf_profiles(), hidden_images(), hidden_residency(text),
    hidden_names(), owns_grant(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION hidden_trust_domains(), hidden_host_pools(), hidden_hosts(), hidden_vnf_profiles(), hidden_images(), hidden_residency(text),
    hidden_names(), owns_grant(text) TO ringfence_caller;

COMMIT;
