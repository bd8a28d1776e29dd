-- What the migrations add up to, for readers. A test keeps it current: go test ./internal/postgres -run TestSchemaFile -update

CREATE DOMAIN public.ack_outcome AS text
	CONSTRAINT ack_outcome_ck CHECK ((VALUE = ANY (ARRAY['APPLIED'::text, 'FAILED'::text, 'SUPERSEDED'::text, 'RECORDED'::text])));

COMMENT ON DOMAIN public.ack_outcome IS 'What the NFVI made of a directive.';

CREATE DOMAIN public.amount AS bigint
	CONSTRAINT amount_ck CHECK ((VALUE >= 0));

COMMENT ON DOMAIN public.amount IS 'A capacity, a use or a count.';

CREATE DOMAIN public.attestation_state AS text
	CONSTRAINT attestation_state_ck CHECK ((VALUE = ANY (ARRAY['TRUSTED'::text, 'UNTRUSTED'::text, 'UNKNOWN'::text])));

COMMENT ON DOMAIN public.attestation_state IS 'What the verifier says of a host.';

CREATE DOMAIN public.change_kind AS text;

COMMENT ON DOMAIN public.change_kind IS 'What a change of the feed is about.';

CREATE DOMAIN public.decision_kind AS text
	CONSTRAINT decision_kind_ck CHECK ((VALUE = ANY (ARRAY['GRANT'::text, 'DRY_RUN'::text, 'CACHE'::text])));

COMMENT ON DOMAIN public.decision_kind IS 'What was asked.';

CREATE DOMAIN public.decision_outcome AS text
	CONSTRAINT decision_outcome_ck CHECK ((VALUE = ANY (ARRAY['GRANT'::text, 'REFUSE'::text])));

COMMENT ON DOMAIN public.decision_outcome IS 'How a decision ended.';

CREATE DOMAIN public.dedication_identity AS text
	CONSTRAINT dedication_identity_ck CHECK ((VALUE = ANY (ARRAY['NF_INSTANCE'::text, 'TRUST_DOMAIN'::text, 'TENANT'::text])));

COMMENT ON DOMAIN public.dedication_identity IS 'What a dedicated host is dedicated to.';

CREATE DOMAIN public.delivery_state AS text
	CONSTRAINT delivery_state_ck CHECK ((VALUE = ANY (ARRAY['PENDING'::text, 'DELIVERED'::text, 'DEAD'::text])));

COMMENT ON DOMAIN public.delivery_state IS 'What became of a notification to one subscriber.';

CREATE DOMAIN public.directive_enforcement AS text
	CONSTRAINT directive_enforcement_ck CHECK ((VALUE = ANY (ARRAY['ENFORCED'::text, 'ADVISORY'::text])));

COMMENT ON DOMAIN public.directive_enforcement IS 'Whether a host carries out what it is told, or only records it.';

CREATE DOMAIN public.directive_kind AS text
	CONSTRAINT directive_kind_ck CHECK ((VALUE = ANY (ARRAY['PLACE'::text, 'RELEASE'::text, 'CACHE'::text, 'PURGE'::text, 'SCRUB'::text, 'QUARANTINE'::text, 'UNQUARANTINE'::text, 'ENFORCEMENT'::text])));

COMMENT ON DOMAIN public.directive_kind IS 'What the NFVI is told to do.';

CREATE DOMAIN public.directory_kind AS text
	CONSTRAINT directory_kind_ck CHECK ((VALUE = ANY (ARRAY['HOST'::text, 'GRANT'::text, 'DECISION'::text])));

COMMENT ON DOMAIN public.directory_kind IS 'What an entry of the directory leads to.';

CREATE DOMAIN public.enforcement_mode_name AS text
	CONSTRAINT enforcement_mode_name_ck CHECK ((VALUE = ANY (ARRAY['ENFORCE'::text, 'OBSERVE'::text])));

COMMENT ON DOMAIN public.enforcement_mode_name IS 'Whether what policies refuse is refused, or only recorded.';

CREATE DOMAIN public.host_lifecycle AS text
	CONSTRAINT host_lifecycle_ck CHECK ((VALUE = ANY (ARRAY['REGISTERED'::text, 'IN_SERVICE'::text, 'CORDONED'::text, 'SCRUBBING'::text, 'QUARANTINED'::text, 'RETIRED'::text])));

COMMENT ON DOMAIN public.host_lifecycle IS 'Whether a host may be used.';

CREATE DOMAIN public.hypervisor_class AS text
	CONSTRAINT hypervisor_class_ck CHECK ((VALUE = ANY (ARRAY['NONE'::text, 'TYPE1'::text, 'TYPE2'::text])));

COMMENT ON DOMAIN public.hypervisor_class IS 'The hypervisor of a host.';

CREATE DOMAIN public.residency_kind AS text
	CONSTRAINT residency_kind_ck CHECK ((VALUE = ANY (ARRAY['WORKLOAD'::text, 'FABRIC'::text])));

COMMENT ON DOMAIN public.residency_kind IS 'Whose the resident is: a network function''s or the platform''s.';

CREATE DOMAIN public.residency_state AS text
	CONSTRAINT residency_state_ck CHECK ((VALUE = ANY (ARRAY['RESERVED'::text, 'UNCONFIRMED'::text, 'RUNNING'::text, 'TERMINATING'::text])));

COMMENT ON DOMAIN public.residency_state IS 'Where a residency is in its life cycle.';

CREATE DOMAIN public.sequence_number AS bigint
	CONSTRAINT sequence_number_ck CHECK ((VALUE > 0));

COMMENT ON DOMAIN public.sequence_number IS 'A number of a gapless sequence, from 1.';

CREATE DOMAIN public.upstream_state AS text
	CONSTRAINT upstream_state_ck CHECK ((VALUE = ANY (ARRAY['ASKING'::text, 'AGREED'::text, 'REFUSED'::text, 'FAILED'::text])));

COMMENT ON DOMAIN public.upstream_state IS 'What the NFVO upstream says of a grant.';

CREATE DOMAIN public.vnfm_state AS text
	CONSTRAINT vnfm_state_ck CHECK ((VALUE = ANY (ARRAY['PENDING'::text, 'SUBSCRIBED'::text, 'FAILED'::text, 'UNSUBSCRIBING'::text])));

COMMENT ON DOMAIN public.vnfm_state IS 'How far the subscription to a VNFM is.';

CREATE FUNCTION public.caller_id() RETURNS text
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN current_setting('ringfence.client_id'::text, true);

COMMENT ON FUNCTION public.caller_id() IS 'The client that reads.';

CREATE FUNCTION public.caller_li() RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN (NOT (current_setting('ringfence.li'::text, true) IS DISTINCT FROM 'on'::text));

COMMENT ON FUNCTION public.caller_li() IS 'Whether it may know of lawful interception.';

CREATE FUNCTION public.caller_reads_all() RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN (NOT (current_setting('ringfence.reads_all'::text, true) IS DISTINCT FROM 'on'::text));

COMMENT ON FUNCTION public.caller_reads_all() IS 'Whether it may know what others run.';

CREATE TABLE public.trust_domain (
    id text NOT NULL COLLATE pg_catalog."C",
    name text DEFAULT ''::text NOT NULL,
    owner_plmn text DEFAULT ''::text NOT NULL,
    admin_domain text DEFAULT ''::text NOT NULL,
    category text NOT NULL,
    sensitivity smallint NOT NULL,
    security_critical boolean DEFAULT false NOT NULL,
    exclusive boolean DEFAULT false NOT NULL,
    requires_physical_security boolean DEFAULT false NOT NULL,
    allowed_countries text[],
    max_attestation_age bigint DEFAULT 0 NOT NULL,
    min_isolation text DEFAULT 'NONE'::text NOT NULL,
    snssais text[] DEFAULT '{}'::text[] NOT NULL,
    parent_id text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    revision bigint DEFAULT 1 NOT NULL,
    CONSTRAINT trust_domain_attestation_age_ck CHECK ((max_attestation_age >= 0)),
    CONSTRAINT trust_domain_category_ck CHECK ((category = ANY (ARRAY['USER_PLANE'::text, 'CONTROL_PLANE'::text, 'SECURITY_ANCHOR'::text, 'SUBSCRIBER_DATA'::text, 'INTERCONNECT'::text, 'EXPOSURE'::text, 'IMS'::text, 'RAN'::text, 'LI'::text, 'OVERSIGHT'::text, 'TEST'::text, 'THIRD_PARTY'::text]))),
    CONSTRAINT trust_domain_id_ck CHECK (((id <> ''::text) AND (id !~~ '%:%'::text))),
    CONSTRAINT trust_domain_isolation_ck CHECK ((min_isolation = ANY (ARRAY['NONE'::text, 'OS_CONTAINER'::text, 'SANDBOX'::text, 'VM'::text, 'CONFIDENTIAL_VM'::text]))),
    CONSTRAINT trust_domain_parent_ck CHECK ((parent_id <> id)),
    CONSTRAINT trust_domain_sensitivity_ck CHECK (((sensitivity >= 0) AND (sensitivity <= 4)))
);

COMMENT ON TABLE public.trust_domain IS 'Sets of network functions that trust each other, with the attributes by which the policy judges them.';

COMMENT ON COLUMN public.trust_domain.id IS 'Identifier chosen by the operator, such as TD-UP. No colon: from:to names a relation in the change feed.';

COMMENT ON COLUMN public.trust_domain.name IS 'Name for people.';

COMMENT ON COLUMN public.trust_domain.owner_plmn IS 'PLMN of the owner, MCC-MNC.';

COMMENT ON COLUMN public.trust_domain.admin_domain IS 'Administrative domain (tenant).';

COMMENT ON COLUMN public.trust_domain.category IS 'What the domain is for.';

COMMENT ON COLUMN public.trust_domain.sensitivity IS 'From 0, lowest, to 4.';

COMMENT ON COLUMN public.trust_domain.security_critical IS 'A security critical function.';

COMMENT ON COLUMN public.trust_domain.exclusive IS 'No waiver applies between this domain and another.';

COMMENT ON COLUMN public.trust_domain.requires_physical_security IS 'Only on physically secure hosts.';

COMMENT ON COLUMN public.trust_domain.allowed_countries IS 'ISO 3166-1 alpha-2; null: any country, empty: none.';

COMMENT ON COLUMN public.trust_domain.max_attestation_age IS 'Oldest attestation of a host, in nanoseconds; 0: not stated.';

COMMENT ON COLUMN public.trust_domain.min_isolation IS 'Least isolation; NONE: not stated.';

COMMENT ON COLUMN public.trust_domain.snssais IS 'Network slices.';

COMMENT ON COLUMN public.trust_domain.parent_id IS 'Domain whose rules it inherits; empty: none. The import may name a parent that follows, so no foreign key: the writer checks it under the epoch lock.';

COMMENT ON COLUMN public.trust_domain.revision IS 'Grows with every change; the ETag.';

CREATE FUNCTION public.hidden_trust_domains() RETURNS SETOF text
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    BEGIN ATOMIC
 SELECT trust_domain.id
    FROM public.trust_domain
   WHERE ((trust_domain.category = 'LI'::text) AND (NOT public.caller_li()));
END;

COMMENT ON FUNCTION public.hidden_trust_domains() IS 'Trust domains of lawful interception.';

CREATE TABLE public.host_pool (
    id text NOT NULL COLLATE pg_catalog."C",
    allowed_trust_domain_ids text[] DEFAULT '{}'::text[] NOT NULL,
    fabric_digests text[] DEFAULT '{}'::text[] NOT NULL,
    revision bigint DEFAULT 1 NOT NULL,
    CONSTRAINT host_pool_id_ck CHECK ((id <> ''::text))
);

COMMENT ON TABLE public.host_pool IS 'Sets of hosts that may run the same trust domains.';

COMMENT ON COLUMN public.host_pool.id IS 'Identifier.';

COMMENT ON COLUMN public.host_pool.allowed_trust_domain_ids IS 'Trust domains that may run on the hosts of the pool.';

COMMENT ON COLUMN public.host_pool.fabric_digests IS 'Artefacts that may be FABRIC residents there.';

COMMENT ON COLUMN public.host_pool.revision IS 'Grows with every change; the ETag.';

CREATE FUNCTION public.hidden_host_pools() RETURNS SETOF text
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    BEGIN ATOMIC
 SELECT p.id
    FROM public.host_pool p
   WHERE (EXISTS ( SELECT
            FROM public.hidden_trust_domains() d(id)
           WHERE (d.id = ANY (p.allowed_trust_domain_ids))));
END;

COMMENT ON FUNCTION public.hidden_host_pools() IS 'Pools that admit them.';

CREATE TABLE public.host (
    nfvi_pop_id text NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    host_pool_id text COLLATE pg_catalog."C",
    resource_zone_id text COLLATE pg_catalog."C",
    rack_id text DEFAULT ''::text NOT NULL,
    country text DEFAULT ''::text NOT NULL,
    physically_secure boolean DEFAULT false NOT NULL,
    exposed_edge boolean DEFAULT false NOT NULL,
    third_party_hosted boolean DEFAULT false NOT NULL,
    hypervisor_class public.hypervisor_class DEFAULT 'NONE'::text NOT NULL,
    runtimes text[] DEFAULT '{}'::text[] NOT NULL,
    capabilities text[] DEFAULT '{}'::text[] NOT NULL,
    attested_capabilities text[] DEFAULT '{}'::text[] NOT NULL,
    labels jsonb DEFAULT '{}'::jsonb NOT NULL,
    cis_nodes jsonb DEFAULT '[]'::jsonb NOT NULL,
    vim_connection_id text DEFAULT ''::text NOT NULL,
    vim_zone_id text DEFAULT ''::text NOT NULL,
    lifecycle public.host_lifecycle DEFAULT 'REGISTERED'::text NOT NULL,
    lifecycle_reason text DEFAULT ''::text NOT NULL,
    dedicated_identity public.dedication_identity,
    dedicated_id text,
    attestation_state public.attestation_state DEFAULT 'UNKNOWN'::text NOT NULL,
    attestation_verifier text DEFAULT ''::text NOT NULL,
    attestation_evidence_digest text DEFAULT ''::text NOT NULL,
    attested_at timestamp with time zone,
    attestation_valid_until timestamp with time zone,
    location jsonb DEFAULT '{}'::jsonb NOT NULL,
    cpu_millis_total public.amount DEFAULT 0 NOT NULL,
    cpu_millis_used public.amount DEFAULT 0 NOT NULL,
    memory_mib_total public.amount DEFAULT 0 NOT NULL,
    memory_mib_used public.amount DEFAULT 0 NOT NULL,
    ephemeral_storage_mib_total public.amount DEFAULT 0 NOT NULL,
    ephemeral_storage_mib_used public.amount DEFAULT 0 NOT NULL,
    hugepages_2mi_total public.amount DEFAULT 0 NOT NULL,
    hugepages_2mi_used public.amount DEFAULT 0 NOT NULL,
    hugepages_1gi_total public.amount DEFAULT 0 NOT NULL,
    hugepages_1gi_used public.amount DEFAULT 0 NOT NULL,
    sriov_vfs_total public.amount DEFAULT 0 NOT NULL,
    sriov_vfs_used public.amount DEFAULT 0 NOT NULL,
    gpus_total public.amount DEFAULT 0 NOT NULL,
    gpus_used public.amount DEFAULT 0 NOT NULL,
    tee_guests_total public.amount DEFAULT 0 NOT NULL,
    tee_guests_used public.amount DEFAULT 0 NOT NULL,
    gen public.amount DEFAULT 0 NOT NULL,
    directive_seq public.amount DEFAULT 0 NOT NULL,
    changed_txid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    revision bigint DEFAULT 1 NOT NULL,
    runtime_versions jsonb DEFAULT '{}'::jsonb NOT NULL,
    accelerations text[] DEFAULT '{}'::text[] NOT NULL,
    told_enforcement public.directive_enforcement DEFAULT 'ENFORCED'::text NOT NULL,
    CONSTRAINT host_attestation_ck CHECK ((((attestation_state)::text = 'UNKNOWN'::text) OR (attested_at IS NOT NULL))),
    CONSTRAINT host_dedication_ck CHECK (((dedicated_identity IS NULL) = (dedicated_id IS NULL))),
    CONSTRAINT host_id_ck CHECK ((id <> ''::text))
)
WITH (fillfactor='75');

COMMENT ON TABLE public.host IS 'Physical servers (SOL003 scope NFVI_NODE). A row is locked FOR NO KEY UPDATE by whoever changes it or anything on it, after the epoch lock and ascending by (nfvi_pop_id, id).';

COMMENT ON COLUMN public.host.nfvi_pop_id IS 'NFVI-PoP that the host stands in.';

COMMENT ON COLUMN public.host.id IS 'Identifier, unique over all NFVI-PoPs (table directory).';

COMMENT ON COLUMN public.host.host_pool_id IS 'Host pool; null: none, so nothing is permitted there.';

COMMENT ON COLUMN public.host.resource_zone_id IS 'Resource zone; null: none.';

COMMENT ON COLUMN public.host.rack_id IS 'Rack; empty: unknown.';

COMMENT ON COLUMN public.host.country IS 'ISO 3166-1 alpha-2; empty: that of the NFVI-PoP.';

COMMENT ON COLUMN public.host.physically_secure IS 'Stands in a physically secure site.';

COMMENT ON COLUMN public.host.exposed_edge IS 'Stands at an exposed edge site.';

COMMENT ON COLUMN public.host.third_party_hosted IS 'Stands in a site of a third party.';

COMMENT ON COLUMN public.host.hypervisor_class IS 'What the VMs of the host run on.';

COMMENT ON COLUMN public.host.runtimes IS 'Names of runtime classes that the host''s own kernel offers, sorted.';

COMMENT ON COLUMN public.host.capabilities IS 'Security-relevant abilities.';

COMMENT ON COLUMN public.host.attested_capabilities IS 'The part of capabilities that the attestation proves.';

COMMENT ON COLUMN public.host.labels IS 'Free labels.';

COMMENT ON COLUMN public.host.cis_nodes IS 'CIS nodes on the host, ascending by id, as the inventory document spells them.';

COMMENT ON COLUMN public.host.vim_connection_id IS 'VIM connection that the host is reached by.';

COMMENT ON COLUMN public.host.vim_zone_id IS 'What ZoneInfo.zoneId of a grant says for this host.';

COMMENT ON COLUMN public.host.lifecycle IS 'State in operation; only IN_SERVICE hosts are candidates.';

COMMENT ON COLUMN public.host.lifecycle_reason IS 'Why it is not in service; "attestation" when a lost attestation quarantined it.';

COMMENT ON COLUMN public.host.dedicated_identity IS 'By what a dedicated host tells its own from others; null: not dedicated.';

COMMENT ON COLUMN public.host.dedicated_id IS 'The NF instance, trust domain or tenant that the host is dedicated to.';

COMMENT ON COLUMN public.host.attestation_state IS 'Newest verdict of a verifier.';

COMMENT ON COLUMN public.host.attestation_verifier IS 'Who gave the verdict.';

COMMENT ON COLUMN public.host.attestation_evidence_digest IS 'Digest of the evidence that the verdict rests on.';

COMMENT ON COLUMN public.host.attested_at IS 'Time of the verdict.';

COMMENT ON COLUMN public.host.attestation_valid_until IS 'End of its validity; null: not stated.';

COMMENT ON COLUMN public.host.location IS 'Who claims where the host stands (source), and when (assertedAt).';

COMMENT ON COLUMN public.host.cpu_millis_total IS 'Capacity, dimension cpuMillis.';

COMMENT ON COLUMN public.host.cpu_millis_used IS 'Sum over the residencies of the host with the overhead of their runtime classes, kept by every writer of residencies. May exceed the total: what is imported or observed is recorded as it is, and capacity may shrink. A grant can never make it so, because the commit''s UPDATE demands used + asked <= total; a CHECK against the total would refuse the facts instead.';

COMMENT ON COLUMN public.host.memory_mib_total IS 'Capacity, dimension memoryMiB.';

COMMENT ON COLUMN public.host.memory_mib_used IS 'In use, as cpu_millis_used.';

COMMENT ON COLUMN public.host.ephemeral_storage_mib_total IS 'Capacity, dimension ephemeralStorageMiB.';

COMMENT ON COLUMN public.host.ephemeral_storage_mib_used IS 'In use, as cpu_millis_used.';

COMMENT ON COLUMN public.host.hugepages_2mi_total IS 'Capacity, dimension hugePages2Mi.';

COMMENT ON COLUMN public.host.hugepages_2mi_used IS 'In use, as cpu_millis_used.';

COMMENT ON COLUMN public.host.hugepages_1gi_total IS 'Capacity, dimension hugePages1Gi.';

COMMENT ON COLUMN public.host.hugepages_1gi_used IS 'In use, as cpu_millis_used.';

COMMENT ON COLUMN public.host.sriov_vfs_total IS 'Capacity, dimension sriovVfs.';

COMMENT ON COLUMN public.host.sriov_vfs_used IS 'In use, as cpu_millis_used.';

COMMENT ON COLUMN public.host.gpus_total IS 'Capacity, dimension gpus.';

COMMENT ON COLUMN public.host.gpus_used IS 'In use, as cpu_millis_used.';

COMMENT ON COLUMN public.host.tee_guests_total IS 'Capacity, dimension teeGuests.';

COMMENT ON COLUMN public.host.tee_guests_used IS 'In use, as cpu_millis_used.';

COMMENT ON COLUMN public.host.gen IS 'Grows with every change of the host or of what is on it.';

COMMENT ON COLUMN public.host.directive_seq IS 'Number of the last directive to the host; without gaps.';

COMMENT ON COLUMN public.host.changed_txid IS 'Transaction that last changed the host or anything on it. A writer that finds a later one than its own starts again: the order of the change feed is then the order of the changes.';

COMMENT ON COLUMN public.host.revision IS 'Grows with every change of the record itself; the ETag.';

COMMENT ON COLUMN public.host.runtime_versions IS 'Versions of runtime classes on the host and in its CIS nodes; of several the oldest.';

COMMENT ON COLUMN public.host.accelerations IS 'Ways to start or to share faster that the host uses.';

COMMENT ON COLUMN public.host.told_enforcement IS 'What the last ENFORCEMENT directive told the host; ENFORCED before the first.';

CREATE FUNCTION public.hidden_hosts() RETURNS SETOF text
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    BEGIN ATOMIC
 SELECT h.id
    FROM public.host h
   WHERE (h.host_pool_id IN ( SELECT public.hidden_host_pools() AS hidden_host_pools));
END;

COMMENT ON FUNCTION public.hidden_hosts() IS 'Hosts of these pools.';

CREATE TABLE public.vnf_profile (
    vnfd_id text NOT NULL COLLATE pg_catalog."C",
    nf_type text DEFAULT ''::text NOT NULL,
    trust_domain_id text NOT NULL COLLATE pg_catalog."C",
    components jsonb DEFAULT '[]'::jsonb NOT NULL,
    revision bigint DEFAULT 1 NOT NULL,
    deployment_flavours jsonb DEFAULT '[]'::jsonb NOT NULL,
    deployable_modules jsonb DEFAULT '[]'::jsonb NOT NULL,
    vim_assets jsonb DEFAULT '{}'::jsonb NOT NULL,
    affinity_rules jsonb DEFAULT '[]'::jsonb NOT NULL,
    CONSTRAINT vnf_profile_id_ck CHECK ((vnfd_id <> ''::text))
);

COMMENT ON TABLE public.vnf_profile IS 'What the policy needs to know of a VNFD.';

COMMENT ON COLUMN public.vnf_profile.vnfd_id IS 'Identifier of the VNFD.';

COMMENT ON COLUMN public.vnf_profile.nf_type IS '3GPP NF type; an open vocabulary.';

COMMENT ON COLUMN public.vnf_profile.trust_domain_id IS 'Trust domain of its components, unless they say otherwise.';

COMMENT ON COLUMN public.vnf_profile.components IS 'Sub-functions with their interfaces, as the inventory document spells them.';

COMMENT ON COLUMN public.vnf_profile.revision IS 'Grows with every change; the ETag.';

COMMENT ON COLUMN public.vnf_profile.deployment_flavours IS 'Sizes of its deployment flavours: initial delta, scaling aspects, instantiation levels.';

COMMENT ON COLUMN public.vnf_profile.deployable_modules IS 'Parts of the VNF that may be chosen or left out.';

COMMENT ON COLUMN public.vnf_profile.vim_assets IS 'What the VIMs call what the VNFD mentions: flavours, images, storage classes.';

COMMENT ON COLUMN public.vnf_profile.affinity_rules IS 'Affinity and anti-affinity rules of the VNFD, held for requests that do not say otherwise themselves.';

CREATE FUNCTION public.hidden_vnf_profiles() RETURNS SETOF text
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    BEGIN ATOMIC
 SELECT p.vnfd_id
    FROM public.vnf_profile p
   WHERE ((p.trust_domain_id IN ( SELECT public.hidden_trust_domains() AS hidden_trust_domains)) OR (EXISTS ( SELECT
            FROM jsonb_array_elements(p.components) c(component)
           WHERE ((c.component ->> 'trustDomainId'::text) IN ( SELECT public.hidden_trust_domains() AS hidden_trust_domains)))));
END;

COMMENT ON FUNCTION public.hidden_vnf_profiles() IS 'Profiles with components in these trust domains.';

CREATE FUNCTION public.hidden_images() RETURNS SETOF text
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    BEGIN ATOMIC
 WITH used AS (
          SELECT i.digest,
             (p.vnfd_id IN ( SELECT public.hidden_vnf_profiles() AS hidden_vnf_profiles)) AS hidden
            FROM public.vnf_profile p,
             LATERAL jsonb_array_elements(p.components) c(component),
             LATERAL jsonb_array_elements_text((c.component -> 'images'::text)) i(digest)
         )
  SELECT used.digest
    FROM used
   WHERE (NOT public.caller_li())
   GROUP BY used.digest
  HAVING bool_and(used.hidden);
END;

COMMENT ON FUNCTION public.hidden_images() IS 'Images that nothing but these profiles uses.';

CREATE FUNCTION public.hidden_names() RETURNS text[]
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    BEGIN ATOMIC
 SELECT COALESCE(array_agg((to_json(h.id))::text), '{}'::text[]) AS "coalesce"
    FROM ( SELECT public.hidden_trust_domains() AS hidden_trust_domains
         UNION ALL
          SELECT public.hidden_host_pools() AS hidden_host_pools
         UNION ALL
          SELECT public.hidden_hosts() AS hidden_hosts
         UNION ALL
          SELECT public.hidden_vnf_profiles() AS hidden_vnf_profiles) h(id);
END;

COMMENT ON FUNCTION public.hidden_names() IS 'All of their ids, as JSON writes them.';

CREATE TABLE public.residency (
    nfvi_pop_id text NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    host_id text NOT NULL COLLATE pg_catalog."C",
    cis_node_id text DEFAULT ''::text NOT NULL,
    pod_id text DEFAULT ''::text NOT NULL,
    kind public.residency_kind NOT NULL,
    state public.residency_state NOT NULL,
    vnf_instance_id text NOT NULL COLLATE pg_catalog."C",
    nf_instance_key text DEFAULT ''::text NOT NULL,
    nf_type text DEFAULT ''::text NOT NULL,
    nf_set_id text DEFAULT ''::text NOT NULL,
    vnfd_id text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    component_id text NOT NULL,
    trust_domain_id text NOT NULL COLLATE pg_catalog."C",
    roles text[] DEFAULT '{}'::text[] NOT NULL,
    exposed boolean DEFAULT false NOT NULL,
    protected_peer boolean DEFAULT false NOT NULL,
    cut_through text[] DEFAULT '{}'::text[] NOT NULL,
    privileged text[] DEFAULT '{}'::text[] NOT NULL,
    administers_host_pool_ids text[] DEFAULT '{}'::text[] NOT NULL,
    images text[] DEFAULT '{}'::text[] NOT NULL,
    labels jsonb DEFAULT '{}'::jsonb NOT NULL,
    snssais text[] DEFAULT '{}'::text[] NOT NULL,
    runtime text DEFAULT ''::text NOT NULL,
    resources jsonb DEFAULT '{}'::jsonb NOT NULL,
    undeclared_peers boolean DEFAULT false NOT NULL,
    conflicting_components boolean DEFAULT false NOT NULL,
    grant_id text COLLATE pg_catalog."C",
    resource_definition_id text DEFAULT ''::text NOT NULL,
    vim_resource_ids text[] DEFAULT '{}'::text[] NOT NULL,
    reserved_at timestamp with time zone,
    expires_at timestamp with time zone,
    state_since timestamp with time zone DEFAULT statement_timestamp() NOT NULL,
    revision bigint DEFAULT 1 NOT NULL,
    CONSTRAINT residency_decided_ck CHECK (((grant_id IS NULL) = (reserved_at IS NULL))),
    CONSTRAINT residency_expiry_ck CHECK (
CASE
    WHEN (grant_id IS NULL) THEN (expires_at IS NULL)
    ELSE ((expires_at IS NOT NULL) OR ((state)::text <> ALL (ARRAY['RESERVED'::text, 'UNCONFIRMED'::text])))
END),
    CONSTRAINT residency_id_ck CHECK ((id <> ''::text))
);

COMMENT ON TABLE public.residency IS 'Pods and VMs on hosts, as decided or imported; what the NFVI reports is kept apart. Trust domain, runtime class and images are checked by the writer under the epoch lock, without foreign keys: those would lock one hot row of a reference table per placement.';

COMMENT ON COLUMN public.residency.nfvi_pop_id IS 'NFVI-PoP of the host.';

COMMENT ON COLUMN public.residency.id IS 'Identifier, unique over all NFVI-PoPs: granted ones are UUIDs, and inventory writers, who choose ids, exclude each other.';

COMMENT ON COLUMN public.residency.host_id IS 'Host.';

COMMENT ON COLUMN public.residency.cis_node_id IS 'CIS node; empty: the host''s own kernel.';

COMMENT ON COLUMN public.residency.pod_id IS 'Pod; residents that share it share everything. Empty: its own.';

COMMENT ON COLUMN public.residency.kind IS 'WORKLOAD, or FABRIC for the host''s own trusted base.';

COMMENT ON COLUMN public.residency.state IS 'RESERVED (granted, not yet seen), UNCONFIRMED (expired, absence not proved), RUNNING (observed), TERMINATING (to be removed, not yet seen gone). All four separate and use capacity; a residency that has ended has no row.';

COMMENT ON COLUMN public.residency.vnf_instance_id IS 'VNF instance.';

COMMENT ON COLUMN public.residency.nf_instance_key IS 'Tells several NFs of one VNF instance apart.';

COMMENT ON COLUMN public.residency.nf_type IS '3GPP NF type.';

COMMENT ON COLUMN public.residency.nf_set_id IS 'NF set.';

COMMENT ON COLUMN public.residency.vnfd_id IS 'VNFD that it was decided by.';

COMMENT ON COLUMN public.residency.component_id IS 'Component of the VNF.';

COMMENT ON COLUMN public.residency.trust_domain_id IS 'Trust domain.';

COMMENT ON COLUMN public.residency.roles IS 'Roles, declared and derived.';

COMMENT ON COLUMN public.residency.exposed IS 'Reached from outside its trust domain.';

COMMENT ON COLUMN public.residency.protected_peer IS 'Has a relation with handling PROTECTED.';

COMMENT ON COLUMN public.residency.cut_through IS 'Ways in which it reaches hardware past its isolation boundary.';

COMMENT ON COLUMN public.residency.privileged IS 'Rights by which it may leave its container.';

COMMENT ON COLUMN public.residency.administers_host_pool_ids IS 'Host pools that it administers.';

COMMENT ON COLUMN public.residency.images IS 'Digests of its artefacts.';

COMMENT ON COLUMN public.residency.labels IS 'Free labels.';

COMMENT ON COLUMN public.residency.snssais IS 'Network slices.';

COMMENT ON COLUMN public.residency.runtime IS 'Runtime class.';

COMMENT ON COLUMN public.residency.resources IS 'Capacity dimension to amount, without the overhead of the runtime class.';

COMMENT ON COLUMN public.residency.undeclared_peers IS 'An interface names a peer without a declared relation.';

COMMENT ON COLUMN public.residency.conflicting_components IS 'A pod that mixes components of different trust domains.';

COMMENT ON COLUMN public.residency.grant_id IS 'Grant that decided it; null: imported, holds no claim.';

COMMENT ON COLUMN public.residency.resource_definition_id IS 'Resource definition of the grant request.';

COMMENT ON COLUMN public.residency.vim_resource_ids IS 'Identifiers that the VIM or CISM gave it.';

COMMENT ON COLUMN public.residency.reserved_at IS 'Commit of the grant; null iff imported.';

COMMENT ON COLUMN public.residency.expires_at IS 'End of the reservation, after which RESERVED becomes UNCONFIRMED; null: never.';

COMMENT ON COLUMN public.residency.state_since IS 'When the state was reached.';

COMMENT ON COLUMN public.residency.revision IS 'Grows with every change; the ETag.';

CREATE FUNCTION public.hidden_residency(residency_id text) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    BEGIN ATOMIC
 SELECT (EXISTS ( SELECT
            FROM public.residency r
           WHERE ((r.id = hidden_residency.residency_id) AND ((r.trust_domain_id IN ( SELECT public.hidden_trust_domains() AS hidden_trust_domains)) OR (r.host_id IN ( SELECT public.hidden_hosts() AS hidden_hosts)))))) AS "exists";
END;

COMMENT ON FUNCTION public.hidden_residency(residency_id text) IS 'Whether something runs in these trust domains, or on these hosts.';

CREATE TABLE public.vnf_instance_params (
    vnf_instance_id text NOT NULL COLLATE pg_catalog."C",
    vnfd_id text NOT NULL COLLATE pg_catalog."C",
    params jsonb NOT NULL,
    grant_id text NOT NULL COLLATE pg_catalog."C",
    recorded_at timestamp with time zone DEFAULT statement_timestamp() NOT NULL,
    client_id text DEFAULT ''::text NOT NULL
);

COMMENT ON TABLE public.vnf_instance_params IS 'Whose a VNF instance is, and what the policy saw when it was instantiated, for later operations that do not carry it again. Part of requests, not of the state that decides: outside of epoch and feed.';

COMMENT ON COLUMN public.vnf_instance_params.vnf_instance_id IS 'VNF instance.';

COMMENT ON COLUMN public.vnf_instance_params.vnfd_id IS 'Its VNFD.';

COMMENT ON COLUMN public.vnf_instance_params.params IS 'components, snssai and plmn of additionalParams.ringfence.';

COMMENT ON COLUMN public.vnf_instance_params.grant_id IS 'Grant of the instantiation; of the first operation while there was none.';

COMMENT ON COLUMN public.vnf_instance_params.recorded_at IS 'Commit of that grant.';

COMMENT ON COLUMN public.vnf_instance_params.client_id IS 'Client of its first grant, to which alone it exists; empty: nobody''s yet.';

CREATE FUNCTION public.hidden_vnf_instance(instance_id text) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    BEGIN ATOMIC
 SELECT ((EXISTS ( SELECT
            FROM public.vnf_instance_params p
           WHERE ((p.vnf_instance_id = hidden_vnf_instance.instance_id) AND (p.vnfd_id IN ( SELECT public.hidden_vnf_profiles() AS hidden_vnf_profiles))))) OR (EXISTS ( SELECT
            FROM public.residency r
           WHERE ((r.vnf_instance_id = hidden_vnf_instance.instance_id) AND ((r.trust_domain_id IN ( SELECT public.hidden_trust_domains() AS hidden_trust_domains)) OR (r.host_id IN ( SELECT public.hidden_hosts() AS hidden_hosts)))))));
END;

COMMENT ON FUNCTION public.hidden_vnf_instance(instance_id text) IS 'Whether a VNF instance is of such a profile, or runs in these trust domains, or on these hosts.';

CREATE FUNCTION public.names_any(document text, names text[]) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    BEGIN ATOMIC
 SELECT (EXISTS ( SELECT
            FROM unnest(names_any.names) n(name)
           WHERE (POSITION((n.name) IN (names_any.document)) > 0))) AS "exists";
END;

COMMENT ON FUNCTION public.names_any(document text, names text[]) IS 'Whether a JSON document has one of the names in it.';

CREATE TABLE public.directory (
    kind public.directory_kind NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    nfvi_pop_id text NOT NULL
);

COMMENT ON TABLE public.directory IS 'The NFVI-PoP of what a URI names by its id alone. Residencies are found by their own index instead: a grant would write one row here for each.';

COMMENT ON COLUMN public.directory.kind IS 'Kind of object.';

COMMENT ON COLUMN public.directory.id IS 'Its identifier.';

COMMENT ON COLUMN public.directory.nfvi_pop_id IS 'Its NFVI-PoP; "-" for refusals and dry runs.';

CREATE TABLE public.vnf_grant (
    nfvi_pop_id text NOT NULL,
    id text NOT NULL,
    decision_id text NOT NULL,
    client_id text NOT NULL,
    vnf_instance_id text NOT NULL,
    vnf_lcm_op_occ_id text NOT NULL,
    policy_epoch bigint NOT NULL,
    granted_at timestamp with time zone NOT NULL,
    valid_until timestamp with time zone NOT NULL,
    placements json NOT NULL,
    residency_ids text[] NOT NULL,
    vim_assets jsonb DEFAULT '{}'::jsonb NOT NULL
);

COMMENT ON TABLE public.vnf_grant IS 'Grants as they were answered. A grant over several NFVI-PoPs belongs to that of its first host.';

COMMENT ON COLUMN public.vnf_grant.nfvi_pop_id IS 'NFVI-PoP of the first host; - for a grant that places nothing.';

COMMENT ON COLUMN public.vnf_grant.id IS 'Identifier that the Location header names (SOL003).';

COMMENT ON COLUMN public.vnf_grant.decision_id IS 'Decision behind the grant; its inputs hold the request.';

COMMENT ON COLUMN public.vnf_grant.client_id IS 'Client that asked; nobody else may read the grant.';

COMMENT ON COLUMN public.vnf_grant.vnf_instance_id IS 'VNF instance that the grant is for.';

COMMENT ON COLUMN public.vnf_grant.vnf_lcm_op_occ_id IS 'VNF LCM operation occurrence that the grant is for.';

COMMENT ON COLUMN public.vnf_grant.policy_epoch IS 'Policy epoch that was in force at commit.';

COMMENT ON COLUMN public.vnf_grant.granted_at IS 'When it was committed, by the database''s clock.';

COMMENT ON COLUMN public.vnf_grant.valid_until IS 'Until when it may be used: the end of its reservations, or of the attestation that it rests on.';

COMMENT ON COLUMN public.vnf_grant.placements IS 'The placements with what the answer says about their hosts.';

COMMENT ON COLUMN public.vnf_grant.residency_ids IS 'Residencies that the grant reserved.';

COMMENT ON COLUMN public.vnf_grant.vim_assets IS 'What the VIMs call what the VNFD mentions, as it was answered.';

CREATE FUNCTION public.owns_grant(grant_id text) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    BEGIN ATOMIC
 SELECT (EXISTS ( SELECT
            FROM (public.directory l
              JOIN public.vnf_grant g ON (((g.nfvi_pop_id = l.nfvi_pop_id) AND (g.id = l.id))))
           WHERE (((l.kind)::text = 'GRANT'::text) AND (l.id = owns_grant.grant_id) AND (g.client_id = public.caller_id())))) AS "exists";
END;

COMMENT ON FUNCTION public.owns_grant(grant_id text) IS 'Whether the caller asked for a grant.';

CREATE TABLE public.access_refusal (
    id text NOT NULL COLLATE pg_catalog."C",
    kind text NOT NULL,
    reason text NOT NULL,
    client_id text DEFAULT ''::text NOT NULL,
    address text DEFAULT ''::text NOT NULL,
    certificate_sha256 text DEFAULT ''::text NOT NULL,
    operation text DEFAULT ''::text NOT NULL,
    count bigint NOT NULL,
    first_at timestamp with time zone NOT NULL,
    last_at timestamp with time zone NOT NULL,
    last_request_id text DEFAULT ''::text NOT NULL,
    cleared boolean DEFAULT false NOT NULL,
    recorded_at timestamp with time zone DEFAULT statement_timestamp() NOT NULL,
    CONSTRAINT access_refusal_count_ck CHECK ((count > 0)),
    CONSTRAINT access_refusal_kind_ck CHECK ((kind = ANY (ARRAY['AUTHENTICATION'::text, 'AUTHORIZATION'::text])))
);

COMMENT ON TABLE public.access_refusal IS 'Callers who were refused: who, from where, for what reason, how often within some seconds. Rows are only added.';

COMMENT ON COLUMN public.access_refusal.id IS 'Identifier; later ones are greater.';

COMMENT ON COLUMN public.access_refusal.kind IS 'AUTHENTICATION: who calls was not shown. AUTHORIZATION: who calls may not do that.';

COMMENT ON COLUMN public.access_refusal.reason IS 'Why, in a sentence of the service; nothing of what was sent.';

COMMENT ON COLUMN public.access_refusal.client_id IS 'Client; empty where it is not known.';

COMMENT ON COLUMN public.access_refusal.address IS 'IP address of the connection; empty where several are counted together.';

COMMENT ON COLUMN public.access_refusal.certificate_sha256 IS 'SHA-256 of the certificate that was shown; empty: none.';

COMMENT ON COLUMN public.access_refusal.operation IS 'Operation of the contract; empty where several are counted together.';

COMMENT ON COLUMN public.access_refusal.count IS 'How often.';

COMMENT ON COLUMN public.access_refusal.first_at IS 'When first.';

COMMENT ON COLUMN public.access_refusal.last_at IS 'When last.';

COMMENT ON COLUMN public.access_refusal.last_request_id IS 'Request of the last one, by which the log has it.';

COMMENT ON COLUMN public.access_refusal.cleared IS 'Whether the client is cleared for lawful interception.';

COMMENT ON COLUMN public.access_refusal.recorded_at IS 'When it was recorded, by the database''s clock.';

CREATE TABLE public.attestation_record (
    nfvi_pop_id text NOT NULL,
    host_id text NOT NULL COLLATE pg_catalog."C",
    id bigint NOT NULL,
    state public.attestation_state NOT NULL,
    verifier text NOT NULL,
    evidence_digest text NOT NULL,
    attested_at timestamp with time zone NOT NULL,
    valid_until timestamp with time zone,
    attested_capabilities text[] DEFAULT '{}'::text[] NOT NULL,
    recorded_at timestamp with time zone DEFAULT statement_timestamp() NOT NULL,
    actor_id text NOT NULL
);

COMMENT ON TABLE public.attestation_record IS 'Verdicts of verifiers on hosts, append-only. Evidence outlives the host''s record: no foreign key.';

COMMENT ON COLUMN public.attestation_record.nfvi_pop_id IS 'NFVI-PoP of the host.';

COMMENT ON COLUMN public.attestation_record.host_id IS 'Host.';

COMMENT ON COLUMN public.attestation_record.id IS 'Number of the record.';

COMMENT ON COLUMN public.attestation_record.state IS 'Verdict.';

COMMENT ON COLUMN public.attestation_record.verifier IS 'Who gave it.';

COMMENT ON COLUMN public.attestation_record.evidence_digest IS 'Digest of the evidence.';

COMMENT ON COLUMN public.attestation_record.attested_at IS 'Time of the verdict.';

COMMENT ON COLUMN public.attestation_record.valid_until IS 'End of its validity; null: not stated.';

COMMENT ON COLUMN public.attestation_record.attested_capabilities IS 'Capabilities that the evidence proves.';

COMMENT ON COLUMN public.attestation_record.recorded_at IS 'When it was recorded.';

COMMENT ON COLUMN public.attestation_record.actor_id IS 'Client that recorded it.';

ALTER TABLE public.attestation_record ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.attestation_record_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.audit_record (
    nfvi_pop_id text NOT NULL,
    txid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    id bigint NOT NULL,
    at timestamp with time zone DEFAULT statement_timestamp() NOT NULL,
    actor_id text NOT NULL,
    action text NOT NULL,
    decision_id text NOT NULL,
    object_id text NOT NULL,
    detail json NOT NULL,
    CONSTRAINT audit_record_action_ck CHECK ((action <> ''::text))
);

COMMENT ON TABLE public.audit_record IS 'The audit trail: one row per decision and administrative act, written in its transaction and never changed. A chain over it is kept apart, because rows can be numbered only after they are committed.';

COMMENT ON COLUMN public.audit_record.nfvi_pop_id IS 'NFVI-PoP of the decision or object; "-" when it has none.';

COMMENT ON COLUMN public.audit_record.txid IS 'Transaction of the act: who reads below the oldest running one misses none.';

COMMENT ON COLUMN public.audit_record.id IS 'Orders the records of a transaction.';

COMMENT ON COLUMN public.audit_record.at IS 'When, by the database''s clock.';

COMMENT ON COLUMN public.audit_record.actor_id IS 'Client or person who acted.';

COMMENT ON COLUMN public.audit_record.action IS 'What was done, such as GRANT, REFUSE, RELEASE, IMPORT.';

COMMENT ON COLUMN public.audit_record.decision_id IS 'Decision that was recorded; empty for other acts.';

COMMENT ON COLUMN public.audit_record.object_id IS 'Object that was acted on.';

COMMENT ON COLUMN public.audit_record.detail IS 'Further attributes; json keeps the bytes that a chain hashes.';

ALTER TABLE public.audit_record ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.audit_record_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.cache_entry (
    nfvi_pop_id text NOT NULL,
    host_id text NOT NULL COLLATE pg_catalog."C",
    digest text NOT NULL COLLATE pg_catalog."C",
    mode text NOT NULL,
    trust_domain_id text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    observed_at timestamp with time zone NOT NULL,
    revision bigint DEFAULT 1 NOT NULL,
    CONSTRAINT cache_entry_domain_ck CHECK (((mode <> 'SHARED'::text) OR (trust_domain_id = ''::text))),
    CONSTRAINT cache_entry_mode_ck CHECK ((mode = ANY (ARRAY['SHARED'::text, 'DOMAIN_PRIVATE'::text, 'ENCRYPTED'::text, 'GUEST_ONLY'::text, 'NO_STORE'::text])))
);

COMMENT ON TABLE public.cache_entry IS 'Artefacts in the caches of hosts, and how they lie there.';

COMMENT ON COLUMN public.cache_entry.nfvi_pop_id IS 'NFVI-PoP of the host.';

COMMENT ON COLUMN public.cache_entry.host_id IS 'Host.';

COMMENT ON COLUMN public.cache_entry.digest IS 'Digest of the artefact, which may be unknown to the inventory.';

COMMENT ON COLUMN public.cache_entry.mode IS 'Form in which it lies there.';

COMMENT ON COLUMN public.cache_entry.trust_domain_id IS 'Trust domain that it belongs to; empty for SHARED entries and where unknown.';

COMMENT ON COLUMN public.cache_entry.observed_at IS 'When it was last seen.';

COMMENT ON COLUMN public.cache_entry.revision IS 'Grows with every change; the ETag.';

CREATE TABLE public.cache_order (
    nfvi_pop_id text NOT NULL,
    host_id text NOT NULL COLLATE pg_catalog."C",
    digest text NOT NULL COLLATE pg_catalog."C",
    trust_domain_id text NOT NULL COLLATE pg_catalog."C",
    mode text NOT NULL,
    CONSTRAINT cache_order_domain_ck CHECK (((mode <> 'SHARED'::text) OR (trust_domain_id = ''::text))),
    CONSTRAINT cache_order_mode_ck CHECK ((mode = ANY (ARRAY['SHARED'::text, 'DOMAIN_PRIVATE'::text, 'ENCRYPTED'::text, 'GUEST_ONLY'::text, 'NO_STORE'::text])))
);

COMMENT ON TABLE public.cache_order IS 'What hosts were told of artefacts in their caches: the newest CACHE directive about each, unless a later PURGE took it back.';

COMMENT ON COLUMN public.cache_order.nfvi_pop_id IS 'NFVI-PoP of the host.';

COMMENT ON COLUMN public.cache_order.host_id IS 'Host.';

COMMENT ON COLUMN public.cache_order.digest IS 'Digest of the artefact; "*" for whatever a workload brings that names none.';

COMMENT ON COLUMN public.cache_order.trust_domain_id IS 'Trust domain that it lies there for; empty for SHARED.';

COMMENT ON COLUMN public.cache_order.mode IS 'Form in which it may lie there, or a stricter one.';

CREATE TABLE public.change_feed (
    nfvi_pop_id text NOT NULL,
    txid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    id bigint NOT NULL,
    kind public.change_kind NOT NULL,
    object_id text NOT NULL COLLATE pg_catalog."C",
    after jsonb
);

COMMENT ON TABLE public.change_feed IS 'Every committed change to anything that decides, append-only. Readers take rows with a txid below pg_snapshot_xmin(pg_current_snapshot()), ordered by (txid, id): below it no transaction is still running, so nothing can appear there any more.';

COMMENT ON COLUMN public.change_feed.nfvi_pop_id IS 'NFVI-PoP of the object; "-" for what belongs to none.';

COMMENT ON COLUMN public.change_feed.txid IS 'Transaction that made the change.';

COMMENT ON COLUMN public.change_feed.id IS 'Orders the changes of a transaction.';

COMMENT ON COLUMN public.change_feed.kind IS 'What the change is about.';

COMMENT ON COLUMN public.change_feed.object_id IS 'Identifier of the object.';

COMMENT ON COLUMN public.change_feed.after IS 'The object after the change, in full; null: deleted.';

ALTER TABLE public.change_feed ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.change_feed_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.claim (
    nfvi_pop_id text NOT NULL,
    scope_id text NOT NULL,
    separation_group text NOT NULL,
    member text NOT NULL
);

COMMENT ON TABLE public.claim IS 'Backstop for separations that no active policy waives: all holders of a group within a scope name the same member. A row lives while a residency holds it.';

COMMENT ON COLUMN public.claim.nfvi_pop_id IS 'NFVI-PoP of the scope.';

COMMENT ON COLUMN public.claim.scope_id IS 'What is shared: a host, or a kernel of a host.';

COMMENT ON COLUMN public.claim.separation_group IS 'Which separation.';

COMMENT ON COLUMN public.claim.member IS 'Who may share the scope: a trust domain, or a constant.';

CREATE TABLE public.decision (
    nfvi_pop_id text NOT NULL,
    id text NOT NULL,
    kind public.decision_kind NOT NULL,
    outcome public.decision_outcome NOT NULL,
    at timestamp with time zone NOT NULL,
    client_id text NOT NULL,
    vnf_instance_id text NOT NULL,
    vnf_lcm_op_occ_id text NOT NULL,
    policy_epoch bigint NOT NULL,
    change_seq text NOT NULL,
    inputs json NOT NULL,
    plan json,
    explanation json NOT NULL,
    enforcement public.enforcement_mode_name DEFAULT 'ENFORCE'::text NOT NULL,
    refused_by text[] DEFAULT '{}'::text[] NOT NULL,
    CONSTRAINT decision_plan_ck CHECK ((((outcome)::text = 'GRANT'::text) OR (plan IS NULL)))
);

COMMENT ON TABLE public.decision IS 'Decisions with everything that they depended on: with the change feed they replay to the same answer.';

COMMENT ON COLUMN public.decision.nfvi_pop_id IS 'NFVI-PoP of the grant''s first host; - for refusals, dry runs and cache decisions.';

COMMENT ON COLUMN public.decision.id IS 'Identifier.';

COMMENT ON COLUMN public.decision.kind IS 'GRANT, DRY_RUN or CACHE.';

COMMENT ON COLUMN public.decision.outcome IS 'GRANT or REFUSE.';

COMMENT ON COLUMN public.decision.at IS 'When: a grant''s commit by the database''s clock, otherwise the time that the decision was made with.';

COMMENT ON COLUMN public.decision.client_id IS 'Client that asked.';

COMMENT ON COLUMN public.decision.vnf_instance_id IS 'VNF instance of the request.';

COMMENT ON COLUMN public.decision.vnf_lcm_op_occ_id IS 'VNF LCM operation occurrence of the request; empty for dry runs without one.';

COMMENT ON COLUMN public.decision.policy_epoch IS 'Policy epoch that was in force.';

COMMENT ON COLUMN public.decision.change_seq IS 'Position in the change feed that was seen.';

COMMENT ON COLUMN public.decision.inputs IS 'Request, demands, time, seed and policies; byte for byte, therefore json and not jsonb.';

COMMENT ON COLUMN public.decision.plan IS 'Placements and releases; null for a refusal.';

COMMENT ON COLUMN public.decision.explanation IS 'Why it came out so.';

COMMENT ON COLUMN public.decision.enforcement IS 'OBSERVE: a refusal that was answered with an empty grant, because the client was observed.';

COMMENT ON COLUMN public.decision.refused_by IS 'The rules that stood against the request, of such a refusal.';

CREATE TABLE public.directive (
    nfvi_pop_id text NOT NULL,
    host_id text NOT NULL COLLATE pg_catalog."C",
    seq public.sequence_number NOT NULL,
    kind public.directive_kind NOT NULL,
    decision_id text NOT NULL,
    grant_id text NOT NULL,
    residency_id text NOT NULL,
    vim_connection_id text NOT NULL,
    issued_at timestamp with time zone NOT NULL,
    body json NOT NULL,
    txid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    feed_id bigint NOT NULL,
    ack_outcome public.ack_outcome,
    ack_detail text,
    acked_by text,
    acked_at timestamp with time zone,
    enforcement public.directive_enforcement DEFAULT 'ENFORCED'::text NOT NULL,
    CONSTRAINT directive_acked_ck CHECK ((num_nulls(ack_outcome, ack_detail, acked_by, acked_at) = ANY (ARRAY[0, 4]))),
    CONSTRAINT directive_workload_ck CHECK ((((kind)::text = ANY (ARRAY['PLACE'::text, 'RELEASE'::text])) = (residency_id <> ''::text)))
);

COMMENT ON TABLE public.directive IS 'Orders to hosts, written in the transaction of their decision, numbered without gaps per host. They outlive the host''s record, whose numbers continue when it is registered anew: no foreign key.';

COMMENT ON COLUMN public.directive.nfvi_pop_id IS 'NFVI-PoP of the host.';

COMMENT ON COLUMN public.directive.host_id IS 'Host that is told.';

COMMENT ON COLUMN public.directive.seq IS 'From 1, without gaps per host: the host''s lock orders it.';

COMMENT ON COLUMN public.directive.kind IS 'What the host is told to do.';

COMMENT ON COLUMN public.directive.decision_id IS 'Decision behind it; empty when the life cycle of a residency caused it.';

COMMENT ON COLUMN public.directive.grant_id IS 'Grant behind it, if any.';

COMMENT ON COLUMN public.directive.residency_id IS 'Residency of a PLACE or RELEASE.';

COMMENT ON COLUMN public.directive.vim_connection_id IS 'VIM connection of the host when it was issued; a CISM or VIM reads its directives by it.';

COMMENT ON COLUMN public.directive.issued_at IS 'When, by the database''s clock.';

COMMENT ON COLUMN public.directive.body IS 'Body of its kind; json keeps the bytes that are signed at delivery stable.';

COMMENT ON COLUMN public.directive.txid IS 'Transaction that wrote it; the aggregated feed is read as change_feed is. Per host its order is that of seq (host.changed_txid).';

COMMENT ON COLUMN public.directive.feed_id IS 'Orders the directives of a transaction.';

COMMENT ON COLUMN public.directive.ack_outcome IS 'What became of it on the host; null until acknowledged.';

COMMENT ON COLUMN public.directive.ack_detail IS 'What the host said about it.';

COMMENT ON COLUMN public.directive.acked_by IS 'Client that acknowledged it.';

COMMENT ON COLUMN public.directive.acked_at IS 'When the acknowledgement arrived, by the database''s clock.';

COMMENT ON COLUMN public.directive.enforcement IS 'Whether the host is to carry it out.';

ALTER TABLE public.directive ALTER COLUMN feed_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.directive_feed_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.directive_follower (
    nfvi_pop_id text NOT NULL,
    host_id text NOT NULL COLLATE pg_catalog."C",
    whole_host boolean NOT NULL,
    heard_at timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL
);

COMMENT ON TABLE public.directive_follower IS 'Hosts of which directives were ever acknowledged: from them an answer is expected.';

COMMENT ON COLUMN public.directive_follower.nfvi_pop_id IS 'NFVI-PoP of the host.';

COMMENT ON COLUMN public.directive_follower.host_id IS 'Host.';

COMMENT ON COLUMN public.directive_follower.whole_host IS 'Directives about the host itself were acknowledged, not only those about workloads, which a CISM or VIM answers as well.';

COMMENT ON COLUMN public.directive_follower.heard_at IS 'When one was acknowledged last, by the database''s clock, to within some minutes.';

CREATE TABLE public.enforcement_mode (
    subject text NOT NULL,
    subject_id text NOT NULL COLLATE pg_catalog."C",
    mode public.enforcement_mode_name NOT NULL,
    reason text NOT NULL,
    actor_id text NOT NULL,
    since timestamp with time zone NOT NULL,
    revision bigint NOT NULL,
    CONSTRAINT enforcement_mode_reason_ck CHECK ((reason <> ''::text)),
    CONSTRAINT enforcement_mode_subject_ck CHECK ((subject = ANY (ARRAY['CLIENT'::text, 'VIM_CONNECTION'::text])))
);

COMMENT ON TABLE public.enforcement_mode IS 'Clients and VIM connections for which a mode was set. Everybody else is enforced.';

COMMENT ON COLUMN public.enforcement_mode.subject IS 'CLIENT or VIM_CONNECTION.';

COMMENT ON COLUMN public.enforcement_mode.subject_id IS 'The client, as authentication names it, or the VIM connection, as hosts name it.';

COMMENT ON COLUMN public.enforcement_mode.mode IS 'OBSERVE or ENFORCE.';

COMMENT ON COLUMN public.enforcement_mode.reason IS 'Why it was set.';

COMMENT ON COLUMN public.enforcement_mode.actor_id IS 'Who set it.';

COMMENT ON COLUMN public.enforcement_mode.since IS 'When it was set, by the database''s clock.';

COMMENT ON COLUMN public.enforcement_mode.revision IS 'Counts the changes, from 1.';

CREATE TABLE public.host_ext_capacity (
    nfvi_pop_id text NOT NULL,
    host_id text NOT NULL COLLATE pg_catalog."C",
    dimension text NOT NULL COLLATE pg_catalog."C",
    total public.amount DEFAULT 0 NOT NULL,
    used public.amount DEFAULT 0 NOT NULL,
    CONSTRAINT host_ext_capacity_dimension_ck CHECK ((dimension ~~ 'ext._%'::text))
)
WITH (fillfactor='75');

COMMENT ON TABLE public.host_ext_capacity IS 'Capacity of a host in the dimensions that an operator defines (ext.NAME).';

COMMENT ON COLUMN public.host_ext_capacity.nfvi_pop_id IS 'NFVI-PoP of the host.';

COMMENT ON COLUMN public.host_ext_capacity.host_id IS 'Host.';

COMMENT ON COLUMN public.host_ext_capacity.dimension IS 'Capacity dimension, ext.NAME.';

COMMENT ON COLUMN public.host_ext_capacity.total IS 'Capacity; 0 where a resident uses a dimension that the host does not declare.';

COMMENT ON COLUMN public.host_ext_capacity.used IS 'In use, as host.cpu_millis_used.';

CREATE TABLE public.idempotency (
    client_id text NOT NULL,
    vnf_lcm_op_occ_id text NOT NULL,
    body_sha256 bytea NOT NULL,
    outcome public.decision_outcome NOT NULL,
    nfvi_pop_id text NOT NULL,
    decision_id text NOT NULL,
    grant_pop_id text,
    grant_id text,
    policy_epoch bigint NOT NULL,
    change_seq text NOT NULL,
    answered_at timestamp with time zone DEFAULT statement_timestamp() NOT NULL,
    granted_body_sha256 bytea,
    observed_grant_id text,
    CONSTRAINT idempotency_body_sha256_ck CHECK ((length(body_sha256) = 32)),
    CONSTRAINT idempotency_grant_ck CHECK ((((grant_id IS NULL) = (grant_pop_id IS NULL)) AND (((outcome)::text <> 'GRANT'::text) OR (grant_id IS NOT NULL)))),
    CONSTRAINT idempotency_granted_body_ck CHECK ((((outcome)::text <> 'GRANT'::text) OR (granted_body_sha256 IS NOT NULL))),
    CONSTRAINT idempotency_granted_body_sha256_ck CHECK ((length(granted_body_sha256) = 32))
);

COMMENT ON TABLE public.idempotency IS 'The answer to each request of a client: one row per VNF LCM operation occurrence, written in the transaction of its decision.';

COMMENT ON COLUMN public.idempotency.client_id IS 'Client that asked.';

COMMENT ON COLUMN public.idempotency.vnf_lcm_op_occ_id IS 'VNF LCM operation occurrence that the grant is for.';

COMMENT ON COLUMN public.idempotency.body_sha256 IS 'SHA-256 of the request body: tells a retry from a changed request.';

COMMENT ON COLUMN public.idempotency.outcome IS 'GRANT or REFUSE.';

COMMENT ON COLUMN public.idempotency.nfvi_pop_id IS 'NFVI-PoP that the decision belongs to; - for a refusal.';

COMMENT ON COLUMN public.idempotency.decision_id IS 'Decision that answered.';

COMMENT ON COLUMN public.idempotency.grant_pop_id IS 'NFVI-PoP that the grant belongs to.';

COMMENT ON COLUMN public.idempotency.grant_id IS 'Newest grant of the occurrence; a later refusal of another body keeps it, because its reservations may still stand.';

COMMENT ON COLUMN public.idempotency.policy_epoch IS 'Policy epoch of the decision.';

COMMENT ON COLUMN public.idempotency.change_seq IS 'Position in the change feed that the decision saw.';

COMMENT ON COLUMN public.idempotency.answered_at IS 'When it was answered.';

COMMENT ON COLUMN public.idempotency.granted_body_sha256 IS 'SHA-256 of the body that the grant was given to; NULL: none was. body_sha256 may be that of a later request, which was refused.';

COMMENT ON COLUMN public.idempotency.observed_grant_id IS 'The empty grant that a refusal was answered with, because the client was observed; null: it was not.';

CREATE TABLE public.image (
    digest text NOT NULL COLLATE pg_catalog."C",
    reference text DEFAULT ''::text NOT NULL,
    kind text NOT NULL,
    layers jsonb DEFAULT '[]'::jsonb NOT NULL,
    sensitivity smallint DEFAULT 0 NOT NULL,
    contains_secrets boolean DEFAULT false NOT NULL,
    public_base boolean DEFAULT false NOT NULL,
    signature text DEFAULT ''::text NOT NULL,
    revision bigint DEFAULT 1 NOT NULL,
    CONSTRAINT image_digest_ck CHECK ((digest <> ''::text)),
    CONSTRAINT image_kind_ck CHECK ((kind = ANY (ARRAY['CONTAINER_IMAGE'::text, 'VM_IMAGE'::text, 'SNAPSHOT'::text, 'CHECKPOINT'::text, 'VM_TEMPLATE'::text, 'HELM_CHART'::text, 'MODEL'::text]))),
    CONSTRAINT image_sensitivity_ck CHECK (((sensitivity >= 0) AND (sensitivity <= 4)))
);

COMMENT ON TABLE public.image IS 'Artefacts that a host may keep in its cache.';

COMMENT ON COLUMN public.image.digest IS 'Digest of the artefact, such as sha256:...';

COMMENT ON COLUMN public.image.reference IS 'name:tag in the registry.';

COMMENT ON COLUMN public.image.kind IS 'What the artefact is.';

COMMENT ON COLUMN public.image.layers IS 'Layers in order: digest, diffId, sizeBytes.';

COMMENT ON COLUMN public.image.sensitivity IS 'From 0, lowest, to 4.';

COMMENT ON COLUMN public.image.contains_secrets IS 'Judged as key material by cache rules.';

COMMENT ON COLUMN public.image.public_base IS 'May lie in a shared cache.';

COMMENT ON COLUMN public.image.signature IS 'Stored signature.';

COMMENT ON COLUMN public.image.revision IS 'Grows with every change; the ETag.';

CREATE TABLE public.nfvi_pop (
    id text NOT NULL,
    country text DEFAULT ''::text NOT NULL,
    revision bigint DEFAULT 1 NOT NULL,
    CONSTRAINT nfvi_pop_id_ck CHECK ((id <> ALL (ARRAY[''::text, '-'::text])))
);

COMMENT ON TABLE public.nfvi_pop IS 'Points of presence of the NFV infrastructure.';

COMMENT ON COLUMN public.nfvi_pop.id IS 'Identifier; "-" is kept for what belongs to no NFVI-PoP.';

COMMENT ON COLUMN public.nfvi_pop.country IS 'ISO 3166-1 alpha-2; empty: unknown.';

COMMENT ON COLUMN public.nfvi_pop.revision IS 'Grows with every change; the ETag.';

CREATE TABLE public.observed_cache (
    nfvi_pop_id text NOT NULL,
    host_id text NOT NULL COLLATE pg_catalog."C",
    ordinal integer NOT NULL,
    digest text NOT NULL,
    mode text NOT NULL,
    trust_domain_id text NOT NULL,
    image_references text[] DEFAULT '{}'::text[] NOT NULL,
    layer_digests text[] DEFAULT '{}'::text[] NOT NULL,
    layer_diff_ids text[] DEFAULT '{}'::text[] NOT NULL,
    CONSTRAINT observed_cache_layers_ck CHECK ((cardinality(layer_digests) = cardinality(layer_diff_ids))),
    CONSTRAINT observed_cache_mode_ck CHECK ((mode = ANY (ARRAY['SHARED'::text, 'DOMAIN_PRIVATE'::text, 'ENCRYPTED'::text, 'GUEST_ONLY'::text, 'NO_STORE'::text])))
);

COMMENT ON TABLE public.observed_cache IS 'Artefacts that hosts reported in their caches.';

COMMENT ON COLUMN public.observed_cache.nfvi_pop_id IS 'NFVI-PoP of the host.';

COMMENT ON COLUMN public.observed_cache.host_id IS 'Host that reported.';

COMMENT ON COLUMN public.observed_cache.ordinal IS 'Place in the report.';

COMMENT ON COLUMN public.observed_cache.digest IS 'Artefact.';

COMMENT ON COLUMN public.observed_cache.mode IS 'Form in which it lies there.';

COMMENT ON COLUMN public.observed_cache.trust_domain_id IS 'Trust domain that it lies there for; empty: any.';

COMMENT ON COLUMN public.observed_cache.image_references IS 'Every name that the artefact has in the store of the host.';

COMMENT ON COLUMN public.observed_cache.layer_digests IS 'Its layers as they are stored, lowest first; empty: not told.';

COMMENT ON COLUMN public.observed_cache.layer_diff_ids IS 'For each layer the digest of its content; empty: not told.';

CREATE TABLE public.observed_residency (
    nfvi_pop_id text NOT NULL,
    host_id text NOT NULL COLLATE pg_catalog."C",
    ordinal integer NOT NULL,
    residency_id text NOT NULL,
    vnf_instance_id text NOT NULL,
    component_id text NOT NULL,
    resource_definition_id text NOT NULL,
    vim_resource_id text NOT NULL,
    cis_node_id text NOT NULL,
    runtime text NOT NULL,
    matched_residency_id text NOT NULL,
    images text[] DEFAULT '{}'::text[] NOT NULL
);

COMMENT ON TABLE public.observed_residency IS 'Pods and VMs that hosts reported, whether they were decided or not.';

COMMENT ON COLUMN public.observed_residency.nfvi_pop_id IS 'NFVI-PoP of the host.';

COMMENT ON COLUMN public.observed_residency.host_id IS 'Host that reported.';

COMMENT ON COLUMN public.observed_residency.ordinal IS 'Place in the report.';

COMMENT ON COLUMN public.observed_residency.residency_id IS 'Residency that the host named; empty when it knows none.';

COMMENT ON COLUMN public.observed_residency.vnf_instance_id IS 'VNF instance that the host named.';

COMMENT ON COLUMN public.observed_residency.component_id IS 'Component that the host named.';

COMMENT ON COLUMN public.observed_residency.resource_definition_id IS 'Resource definition that the host named.';

COMMENT ON COLUMN public.observed_residency.vim_resource_id IS 'Identifier of the resource in its VIM or CISM.';

COMMENT ON COLUMN public.observed_residency.cis_node_id IS 'CIS node that it runs on; empty: the host''s own kernel.';

COMMENT ON COLUMN public.observed_residency.runtime IS 'Runtime class that it runs with.';

COMMENT ON COLUMN public.observed_residency.matched_residency_id IS 'Residency that it was taken for when the report was stored; empty: nobody decided it.';

COMMENT ON COLUMN public.observed_residency.images IS 'Digests of what it runs; empty: not told.';

CREATE TABLE public.observed_state (
    nfvi_pop_id text NOT NULL,
    host_id text NOT NULL COLLATE pg_catalog."C",
    digest text NOT NULL,
    observed_at timestamp with time zone NOT NULL,
    received_at timestamp with time zone NOT NULL
);

COMMENT ON TABLE public.observed_state IS 'The newest report of each host on itself. What was decided is in residency and is never overwritten by it.';

COMMENT ON COLUMN public.observed_state.nfvi_pop_id IS 'NFVI-PoP of the host.';

COMMENT ON COLUMN public.observed_state.host_id IS 'Host that reported.';

COMMENT ON COLUMN public.observed_state.digest IS 'Digest of the report: an equal one is not stored again.';

COMMENT ON COLUMN public.observed_state.observed_at IS 'When the host looked, by its own clock, but never later than received_at.';

COMMENT ON COLUMN public.observed_state.received_at IS 'When the host reported last, by the database''s clock, to within some minutes where the report said nothing new.';

CREATE TABLE public.pending_change (
    id text NOT NULL COLLATE pg_catalog."C",
    state text DEFAULT 'PENDING'::text NOT NULL,
    proposed_by text NOT NULL,
    proposed_at timestamp with time zone DEFAULT statement_timestamp() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    reason text DEFAULT ''::text NOT NULL,
    changes jsonb NOT NULL,
    differences jsonb NOT NULL,
    base jsonb NOT NULL,
    content_sha256 text NOT NULL,
    decided_by text,
    decided_at timestamp with time zone,
    decision_reason text DEFAULT ''::text NOT NULL,
    break_glass_reason text,
    break_glass_until timestamp with time zone,
    confirmed_by text,
    revision bigint DEFAULT 1 NOT NULL,
    CONSTRAINT pending_change_break_glass_ck CHECK (((num_nulls(break_glass_reason, break_glass_until) = ANY (ARRAY[0, 2])) AND ((break_glass_reason IS NULL) OR (state = 'APPLIED'::text)))),
    CONSTRAINT pending_change_confirmed_by_ck CHECK (((confirmed_by IS NULL) OR ((break_glass_reason IS NOT NULL) AND (confirmed_by <> decided_by)))),
    CONSTRAINT pending_change_decided_at_ck CHECK (((state = 'PENDING'::text) = (decided_at IS NULL))),
    CONSTRAINT pending_change_decided_by_ck CHECK (((state = ANY (ARRAY['PENDING'::text, 'EXPIRED'::text])) = (decided_by IS NULL))),
    CONSTRAINT pending_change_state_ck CHECK ((state = ANY (ARRAY['PENDING'::text, 'APPLIED'::text, 'REJECTED'::text, 'EXPIRED'::text, 'STALE'::text]))),
    CONSTRAINT pending_change_two_persons_ck CHECK (((state <> 'APPLIED'::text) OR (decided_by <> proposed_by) OR (break_glass_reason IS NOT NULL)))
);

COMMENT ON TABLE public.pending_change IS 'Writes to the inventory that change what security rests on, each proposed by one client and decided by another. What was proposed never changes.';

COMMENT ON COLUMN public.pending_change.id IS 'Identifier; ascending by time.';

COMMENT ON COLUMN public.pending_change.state IS 'PENDING, and then for good: APPLIED, REJECTED, EXPIRED (nobody decided in time) or STALE (what it changes was changed meanwhile).';

COMMENT ON COLUMN public.pending_change.proposed_by IS 'Client who asked for the change.';

COMMENT ON COLUMN public.pending_change.proposed_at IS 'When.';

COMMENT ON COLUMN public.pending_change.expires_at IS 'Until when it can be approved.';

COMMENT ON COLUMN public.pending_change.reason IS 'Why, in the words of who asked; may be empty.';

COMMENT ON COLUMN public.pending_change.changes IS 'What the write stores: objects as after-images of the change feed; null ones are deleted.';

COMMENT ON COLUMN public.pending_change.differences IS 'What of that security rests on: object, attribute, before, after.';

COMMENT ON COLUMN public.pending_change.base IS 'The state of each object when the change was proposed: revision and digest.';

COMMENT ON COLUMN public.pending_change.content_sha256 IS 'Of what the write stores: the same one asked for again is not proposed twice.';

COMMENT ON COLUMN public.pending_change.decided_by IS 'Client who applied or rejected it, or found it stale; null: nobody.';

COMMENT ON COLUMN public.pending_change.decided_at IS 'When it was decided or expired.';

COMMENT ON COLUMN public.pending_change.decision_reason IS 'Why it was rejected; may be empty.';

COMMENT ON COLUMN public.pending_change.break_glass_reason IS 'Why the client who asked for it applied it alone; null: another one did.';

COMMENT ON COLUMN public.pending_change.break_glass_until IS 'By when another client has to confirm that.';

COMMENT ON COLUMN public.pending_change.confirmed_by IS 'Client who did; null: nobody yet, or nobody has to.';

COMMENT ON COLUMN public.pending_change.revision IS 'Grows with every change of the state; the ETag.';

CREATE TABLE public.pending_grant (
    id text NOT NULL COLLATE pg_catalog."C",
    client_id text NOT NULL,
    vnf_lcm_op_occ_id text NOT NULL,
    body_sha256 bytea NOT NULL,
    li boolean NOT NULL,
    request jsonb NOT NULL,
    queued_at timestamp with time zone DEFAULT statement_timestamp() NOT NULL,
    claimed_until timestamp with time zone,
    decided_at timestamp with time zone,
    grant_id text DEFAULT ''::text NOT NULL,
    decision_id text DEFAULT ''::text NOT NULL,
    fault text DEFAULT ''::text NOT NULL,
    body bytea
);

COMMENT ON TABLE public.pending_grant IS 'Grant requests of clients that poll: taken, and decided later.';

COMMENT ON COLUMN public.pending_grant.id IS 'Id of the grant-to-be, which the client polls.';

COMMENT ON COLUMN public.pending_grant.client_id IS 'Client that asks.';

COMMENT ON COLUMN public.pending_grant.vnf_lcm_op_occ_id IS 'VNF LCM operation occurrence of the request.';

COMMENT ON COLUMN public.pending_grant.body_sha256 IS 'SHA-256 of the body of the request.';

COMMENT ON COLUMN public.pending_grant.li IS 'The client is cleared for lawful interception.';

COMMENT ON COLUMN public.pending_grant.request IS 'The request.';

COMMENT ON COLUMN public.pending_grant.queued_at IS 'When it was taken.';

COMMENT ON COLUMN public.pending_grant.claimed_until IS 'Until when a replica decides it; after that another one may; NULL: nobody does yet.';

COMMENT ON COLUMN public.pending_grant.decided_at IS 'When it was decided; NULL: not yet.';

COMMENT ON COLUMN public.pending_grant.grant_id IS 'The grant; empty: there is none.';

COMMENT ON COLUMN public.pending_grant.decision_id IS 'The decision that refused; empty: there is none.';

COMMENT ON COLUMN public.pending_grant.fault IS 'Why the request cannot be processed; empty: it can.';

COMMENT ON COLUMN public.pending_grant.body IS 'The request as it was sent, for the NFVO upstream; NULL: there is none.';

CREATE TABLE public.policy (
    id text NOT NULL COLLATE pg_catalog."C",
    designer text DEFAULT ''::text NOT NULL,
    name text DEFAULT ''::text NOT NULL,
    pf_id text DEFAULT ''::text NOT NULL,
    selected_version text COLLATE pg_catalog."C",
    activated boolean DEFAULT false NOT NULL,
    associations text[] DEFAULT '{}'::text[] NOT NULL,
    revision bigint DEFAULT 1 NOT NULL,
    break_glass_by text,
    break_glass_reason text,
    break_glass_at timestamp with time zone,
    break_glass_until timestamp with time zone,
    deleted_versions text[] DEFAULT '{}'::text[] NOT NULL,
    CONSTRAINT policy_activated_ck CHECK (((NOT activated) OR (selected_version IS NOT NULL))),
    CONSTRAINT policy_break_glass_activated_ck CHECK (((break_glass_by IS NULL) OR activated)),
    CONSTRAINT policy_break_glass_ck CHECK ((num_nulls(break_glass_by, break_glass_reason, break_glass_at, break_glass_until) = ANY (ARRAY[0, 4]))),
    CONSTRAINT policy_id_ck CHECK ((id <> ''::text))
);

COMMENT ON TABLE public.policy IS 'Policies of the SOL012 interface.';

COMMENT ON COLUMN public.policy.id IS 'Identifier.';

COMMENT ON COLUMN public.policy.designer IS 'Designer.';

COMMENT ON COLUMN public.policy.name IS 'Name.';

COMMENT ON COLUMN public.policy.pf_id IS 'Policy function.';

COMMENT ON COLUMN public.policy.selected_version IS 'Version that is or would be active; null: none selected.';

COMMENT ON COLUMN public.policy.activated IS 'In force.';

COMMENT ON COLUMN public.policy.associations IS 'VNF instances that it applies to; empty: all.';

COMMENT ON COLUMN public.policy.revision IS 'Grows with every change; the ETag.';

COMMENT ON COLUMN public.policy.break_glass_by IS 'Who put the selected version in force without a second person; null: two persons did, or one confirmed it.';

COMMENT ON COLUMN public.policy.break_glass_reason IS 'Why.';

COMMENT ON COLUMN public.policy.break_glass_at IS 'When.';

COMMENT ON COLUMN public.policy.break_glass_until IS 'By when a second person has to confirm it.';

COMMENT ON COLUMN public.policy.deleted_versions IS 'Names of versions that were deleted: a version is written once, so that what was read under a name is what that name puts in force.';

CREATE TABLE public.policy_conflict (
    id text NOT NULL COLLATE pg_catalog."C",
    found_at timestamp with time zone DEFAULT statement_timestamp() NOT NULL
);

COMMENT ON TABLE public.policy_conflict IS 'Policies in force that contradict each other, as long as they do: subscribers are told of each once.';

COMMENT ON COLUMN public.policy_conflict.id IS 'The policies and their versions, in order.';

COMMENT ON COLUMN public.policy_conflict.found_at IS 'When it was found.';

CREATE TABLE public.policy_delivery (
    subscription_id text NOT NULL,
    event_id text NOT NULL,
    state public.delivery_state DEFAULT 'PENDING'::text NOT NULL,
    due_at timestamp with time zone DEFAULT statement_timestamp() NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    last_error text DEFAULT ''::text NOT NULL,
    settled_at timestamp with time zone,
    CONSTRAINT policy_delivery_settled_ck CHECK (((settled_at IS NULL) = ((state)::text = 'PENDING'::text)))
);

COMMENT ON TABLE public.policy_delivery IS 'The outbox: events on their way to subscribers, at least once.';

COMMENT ON COLUMN public.policy_delivery.subscription_id IS 'Whom to tell.';

COMMENT ON COLUMN public.policy_delivery.event_id IS 'What to tell.';

COMMENT ON COLUMN public.policy_delivery.state IS 'PENDING until it was delivered or given up.';

COMMENT ON COLUMN public.policy_delivery.due_at IS 'When it is tried next; while a replica tries it, when its lease ends.';

COMMENT ON COLUMN public.policy_delivery.attempts IS 'How often it was tried.';

COMMENT ON COLUMN public.policy_delivery.last_error IS 'What went wrong last; empty when nothing did.';

COMMENT ON COLUMN public.policy_delivery.settled_at IS 'When it was delivered or given up.';

CREATE TABLE public.policy_epoch (
    only_row boolean DEFAULT true NOT NULL,
    epoch bigint NOT NULL,
    first_activated_at timestamp with time zone,
    CONSTRAINT policy_epoch_only_row_ck CHECK (only_row)
);

COMMENT ON TABLE public.policy_epoch IS 'One row. Decisions hold the epoch''s advisory lock shared and then read it; whoever changes anything that decides holds it exclusively and increments it.';

COMMENT ON COLUMN public.policy_epoch.only_row IS 'Always true.';

COMMENT ON COLUMN public.policy_epoch.epoch IS 'Number of the state of everything that decides beside hosts and residents.';

COMMENT ON COLUMN public.policy_epoch.first_activated_at IS 'When a policy was put in force for the first time: from then on security-relevant inventory takes two persons. Null: not yet.';

CREATE TABLE public.policy_event (
    id text NOT NULL,
    at timestamp with time zone DEFAULT statement_timestamp() NOT NULL,
    body json NOT NULL
);

COMMENT ON TABLE public.policy_event IS 'What subscribers are told, written in the transaction of the change itself.';

COMMENT ON COLUMN public.policy_event.id IS 'Id of the notification, the same for all of its subscribers.';

COMMENT ON COLUMN public.policy_event.at IS 'When it happened.';

COMMENT ON COLUMN public.policy_event.body IS 'What happened.';

CREATE TABLE public.policy_subscription (
    id text NOT NULL,
    client_id text NOT NULL,
    callback_uri text NOT NULL,
    notification_types text[],
    policy_ids text[],
    change_types text[],
    user_name text DEFAULT ''::text NOT NULL,
    password text DEFAULT ''::text NOT NULL,
    created_at timestamp with time zone DEFAULT statement_timestamp() NOT NULL,
    failing_since timestamp with time zone,
    suspended_at timestamp with time zone,
    auth_types text[] DEFAULT '{}'::text[] NOT NULL,
    token_endpoint text DEFAULT ''::text NOT NULL,
    oauth_client_id text DEFAULT ''::text NOT NULL,
    oauth_secret text DEFAULT ''::text NOT NULL,
    secrets bytea
);

COMMENT ON TABLE public.policy_subscription IS 'Who wants to hear of changes of policies and of conflicts between them (SOL012 PolicySubscription).';

COMMENT ON COLUMN public.policy_subscription.id IS 'Chosen by the service.';

COMMENT ON COLUMN public.policy_subscription.client_id IS 'Whose it is; nobody else sees it.';

COMMENT ON COLUMN public.policy_subscription.callback_uri IS 'Where notifications go. Whether that is allowed is decided again at each call.';

COMMENT ON COLUMN public.policy_subscription.notification_types IS 'Types of notification; NULL: all.';

COMMENT ON COLUMN public.policy_subscription.policy_ids IS 'Policies; NULL: all.';

COMMENT ON COLUMN public.policy_subscription.change_types IS 'Operations that changes are notified of; NULL: all.';

COMMENT ON COLUMN public.policy_subscription.user_name IS 'HTTP Basic user name that notifications carry; empty: none.';

COMMENT ON COLUMN public.policy_subscription.password IS 'The password of a subscription from before secrets were sealed; the service empties it when it starts.';

COMMENT ON COLUMN public.policy_subscription.created_at IS 'When it was made.';

COMMENT ON COLUMN public.policy_subscription.failing_since IS 'Since when no delivery to it worked; NULL: the last one did, or there was none.';

COMMENT ON COLUMN public.policy_subscription.suspended_at IS 'Since when nothing is delivered to it, because it failed for too long; NULL: it is not suspended.';

COMMENT ON COLUMN public.policy_subscription.auth_types IS 'Ways in which notifications may authenticate this service (SOL013 SubscriptionAuthentication); none: BASIC where there is a user name, else none at all.';

COMMENT ON COLUMN public.policy_subscription.token_endpoint IS 'Where tokens that notifications carry are asked for; empty: nowhere. Whether that is allowed is decided again at each call.';

COMMENT ON COLUMN public.policy_subscription.oauth_client_id IS 'As whom they are asked for.';

COMMENT ON COLUMN public.policy_subscription.oauth_secret IS 'The client secret of a subscription from before secrets were sealed; the service empties it when it starts.';

COMMENT ON COLUMN public.policy_subscription.secrets IS 'Password and client secret, encrypted (AES-256-GCM) with a key that is not in the database and bound to the id of the subscription; NULL: there are none.';

CREATE TABLE public.policy_version (
    policy_id text NOT NULL COLLATE pg_catalog."C",
    version text NOT NULL COLLATE pg_catalog."C",
    transfer_no bigint NOT NULL,
    media_type text NOT NULL,
    content bytea NOT NULL,
    sha256 text NOT NULL,
    transferred_by text NOT NULL,
    transferred_at timestamp with time zone DEFAULT statement_timestamp() NOT NULL,
    host_labels text[] DEFAULT '{}'::text[] NOT NULL,
    CONSTRAINT policy_version_sha256_ck CHECK ((sha256 = encode(sha256(content), 'hex'::text)))
);

COMMENT ON TABLE public.policy_version IS 'Transferred versions of policies, byte for byte; written once.';

COMMENT ON COLUMN public.policy_version.policy_id IS 'Policy.';

COMMENT ON COLUMN public.policy_version.version IS 'Version.';

COMMENT ON COLUMN public.policy_version.transfer_no IS 'Order of transfer.';

COMMENT ON COLUMN public.policy_version.media_type IS 'Media type that it was transferred with.';

COMMENT ON COLUMN public.policy_version.content IS 'The document.';

COMMENT ON COLUMN public.policy_version.sha256 IS 'SHA-256 of the content, hexadecimal.';

COMMENT ON COLUMN public.policy_version.transferred_by IS 'Client that transferred it.';

COMMENT ON COLUMN public.policy_version.transferred_at IS 'When.';

COMMENT ON COLUMN public.policy_version.host_labels IS 'Keys of the labels of hosts that its rules read: they change with a second person.';

ALTER TABLE public.policy_version ALTER COLUMN transfer_no ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.policy_version_transfer_no_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.residency_claim (
    nfvi_pop_id text NOT NULL,
    residency_id text NOT NULL COLLATE pg_catalog."C",
    scope_id text NOT NULL,
    separation_group text NOT NULL,
    member text NOT NULL
);

COMMENT ON TABLE public.residency_claim IS 'Which residency holds which claim.';

COMMENT ON COLUMN public.residency_claim.nfvi_pop_id IS 'NFVI-PoP of the residency.';

COMMENT ON COLUMN public.residency_claim.residency_id IS 'Residency that claims; imported ones never do.';

COMMENT ON COLUMN public.residency_claim.scope_id IS 'Scope of the claim.';

COMMENT ON COLUMN public.residency_claim.separation_group IS 'Separation of the claim.';

COMMENT ON COLUMN public.residency_claim.member IS 'Member that the residency needs the scope to have.';

CREATE TABLE public.residue (
    nfvi_pop_id text NOT NULL,
    host_id text NOT NULL COLLATE pg_catalog."C",
    id text NOT NULL COLLATE pg_catalog."C",
    trust_domain_id text NOT NULL COLLATE pg_catalog."C",
    nf_instance text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    since timestamp with time zone NOT NULL,
    below_vm boolean NOT NULL,
    device boolean NOT NULL
);

COMMENT ON TABLE public.residue IS 'What former residents may have left on a host. Outlives the host''s record, because registering a server anew does not clean it: no foreign key.';

COMMENT ON COLUMN public.residue.nfvi_pop_id IS 'NFVI-PoP of the host.';

COMMENT ON COLUMN public.residue.host_id IS 'Host.';

COMMENT ON COLUMN public.residue.id IS 'Identifier on the host.';

COMMENT ON COLUMN public.residue.trust_domain_id IS 'Trust domain of the former resident.';

COMMENT ON COLUMN public.residue.nf_instance IS 'NF instance of the former resident; empty: unknown.';

COMMENT ON COLUMN public.residue.since IS 'End of the latest resident that left this.';

COMMENT ON COLUMN public.residue.below_vm IS 'The resident was separated by less than a VM.';

COMMENT ON COLUMN public.residue.device IS 'A cut-through device was handed back.';

CREATE TABLE public.resource_zone (
    id text NOT NULL COLLATE pg_catalog."C",
    nfvi_pop_id text NOT NULL,
    zone_group_ids text[] DEFAULT '{}'::text[] NOT NULL,
    revision bigint DEFAULT 1 NOT NULL,
    CONSTRAINT resource_zone_id_ck CHECK ((id <> ''::text))
);

COMMENT ON TABLE public.resource_zone IS 'Parts of an NFVI-PoP that fail on their own (SOL003, ZoneInfo).';

COMMENT ON COLUMN public.resource_zone.id IS 'Identifier, unique over all NFVI-PoPs.';

COMMENT ON COLUMN public.resource_zone.nfvi_pop_id IS 'NFVI-PoP that the zone is in.';

COMMENT ON COLUMN public.resource_zone.zone_group_ids IS 'Zone groups that it belongs to.';

COMMENT ON COLUMN public.resource_zone.revision IS 'Grows with every change; the ETag.';

CREATE TABLE public.runtime_class (
    name text NOT NULL COLLATE pg_catalog."C",
    isolation text NOT NULL,
    overhead jsonb DEFAULT '{}'::jsonb NOT NULL,
    revision bigint DEFAULT 1 NOT NULL,
    CONSTRAINT runtime_class_isolation_ck CHECK ((isolation = ANY (ARRAY['NONE'::text, 'OS_CONTAINER'::text, 'SANDBOX'::text, 'VM'::text, 'CONFIDENTIAL_VM'::text]))),
    CONSTRAINT runtime_class_name_ck CHECK ((name <> ''::text))
);

COMMENT ON TABLE public.runtime_class IS 'Ways to run a pod or VM: one meaning of a name over the whole fleet.';

COMMENT ON COLUMN public.runtime_class.name IS 'Name, as Kubernetes uses it.';

COMMENT ON COLUMN public.runtime_class.isolation IS 'Isolation that it gives.';

COMMENT ON COLUMN public.runtime_class.overhead IS 'What one pod uses beside its containers: capacity dimension to amount.';

COMMENT ON COLUMN public.runtime_class.revision IS 'Grows with every change; the ETag.';

CREATE TABLE public.schema_migrations (
    version bigint NOT NULL,
    dirty boolean NOT NULL
);

CREATE TABLE public.scope_lock (
    id text NOT NULL,
    gen bigint DEFAULT 0 NOT NULL
);

COMMENT ON TABLE public.scope_lock IS 'Rows that decisions lock when a rule or a constraint spans hosts; they hold no other data.';

COMMENT ON COLUMN public.scope_lock.id IS 'What is locked: JSON array of an NF instance, and of a component where only that is; or a standing constraint, with the VNF instance where it is about a VNFD.';

COMMENT ON COLUMN public.scope_lock.gen IS 'Grows with every lock, so that a transaction at a higher isolation level fails instead of reading a stale view.';

CREATE TABLE public.scrub_record (
    nfvi_pop_id text NOT NULL,
    host_id text NOT NULL COLLATE pg_catalog."C",
    id text NOT NULL COLLATE pg_catalog."C",
    level text NOT NULL,
    device_reset boolean DEFAULT false NOT NULL,
    at timestamp with time zone NOT NULL,
    actor text DEFAULT ''::text NOT NULL,
    evidence text DEFAULT ''::text NOT NULL,
    recorded_at timestamp with time zone DEFAULT statement_timestamp() NOT NULL,
    actor_id text NOT NULL,
    CONSTRAINT scrub_record_level_ck CHECK ((level = ANY (ARRAY['CACHE_PURGE'::text, 'EPHEMERAL_WIPE'::text, 'REBOOT'::text, 'REIMAGE'::text])))
);

COMMENT ON TABLE public.scrub_record IS 'Evidence that hosts were cleaned, append-only. Outlives the host''s record: no foreign key.';

COMMENT ON COLUMN public.scrub_record.nfvi_pop_id IS 'NFVI-PoP of the host.';

COMMENT ON COLUMN public.scrub_record.host_id IS 'Host.';

COMMENT ON COLUMN public.scrub_record.id IS 'Identifier on the host.';

COMMENT ON COLUMN public.scrub_record.level IS 'How thoroughly; each level includes the lower ones.';

COMMENT ON COLUMN public.scrub_record.device_reset IS 'Cut-through devices were reset as well.';

COMMENT ON COLUMN public.scrub_record.at IS 'When the host was clean.';

COMMENT ON COLUMN public.scrub_record.actor IS 'Who or what cleaned it.';

COMMENT ON COLUMN public.scrub_record.evidence IS 'Signed evidence.';

COMMENT ON COLUMN public.scrub_record.recorded_at IS 'When it was recorded.';

COMMENT ON COLUMN public.scrub_record.actor_id IS 'Client that recorded it.';

CREATE TABLE public.standing_constraint (
    id text NOT NULL COLLATE pg_catalog."C",
    vnfd_id text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    vnf_instance_ids text[] DEFAULT '{}'::text[] NOT NULL,
    ns_instance_id text DEFAULT ''::text NOT NULL,
    component_ids text[] DEFAULT '{}'::text[] NOT NULL,
    kind text NOT NULL,
    scope text NOT NULL,
    unit_ids text[] DEFAULT '{}'::text[] NOT NULL,
    reason text NOT NULL,
    actor_id text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    revision bigint NOT NULL,
    CONSTRAINT standing_constraint_about_ck CHECK (((vnfd_id <> ''::text) <> (vnf_instance_ids <> '{}'::text[]))),
    CONSTRAINT standing_constraint_kind_ck CHECK ((kind = ANY (ARRAY['AFFINITY'::text, 'ANTI_AFFINITY'::text, 'FIXED'::text]))),
    CONSTRAINT standing_constraint_units_ck CHECK (((kind = 'FIXED'::text) = (unit_ids <> '{}'::text[])))
);

COMMENT ON TABLE public.standing_constraint IS 'What every request must meet about VNF instances or VNFDs, whatever it says itself. It decides, so it is in the feed and moves the epoch.';

COMMENT ON COLUMN public.standing_constraint.id IS 'Identifier.';

COMMENT ON COLUMN public.standing_constraint.vnfd_id IS 'About each VNF instance of this VNFD; empty: about vnf_instance_ids.';

COMMENT ON COLUMN public.standing_constraint.vnf_instance_ids IS 'About these VNF instances together, ascending; empty: about vnfd_id.';

COMMENT ON COLUMN public.standing_constraint.ns_instance_id IS 'The NS that the VNF instances are of, as the NFVO calls it; empty: not told.';

COMMENT ON COLUMN public.standing_constraint.component_ids IS 'About these components, ascending; empty: all.';

COMMENT ON COLUMN public.standing_constraint.kind IS 'Together, apart, or in places that are named.';

COMMENT ON COLUMN public.standing_constraint.scope IS 'Scope of a SOL003 placement constraint.';

COMMENT ON COLUMN public.standing_constraint.unit_ids IS 'The places, ascending; of FIXED only.';

COMMENT ON COLUMN public.standing_constraint.reason IS 'Why it was stated.';

COMMENT ON COLUMN public.standing_constraint.actor_id IS 'Client that stated it.';

COMMENT ON COLUMN public.standing_constraint.created_at IS 'When it was stated, by the database''s clock.';

COMMENT ON COLUMN public.standing_constraint.revision IS 'Counts the changes, from 1.';

CREATE TABLE public.trust_relation (
    from_id text NOT NULL COLLATE pg_catalog."C",
    to_id text NOT NULL COLLATE pg_catalog."C",
    handling text NOT NULL,
    revision bigint DEFAULT 1 NOT NULL,
    CONSTRAINT trust_relation_handling_ck CHECK ((handling = ANY (ARRAY['NONE'::text, 'PROTECTED'::text, 'BORDER'::text]))),
    CONSTRAINT trust_relation_self_ck CHECK ((from_id <> to_id))
);

COMMENT ON TABLE public.trust_relation IS 'Declared handling of traffic from one trust domain to another; an undeclared direction is BORDER.';

COMMENT ON COLUMN public.trust_relation.from_id IS 'Trust domain that the traffic comes from.';

COMMENT ON COLUMN public.trust_relation.to_id IS 'Trust domain that it goes to.';

COMMENT ON COLUMN public.trust_relation.handling IS 'How the traffic is handled.';

COMMENT ON COLUMN public.trust_relation.revision IS 'Grows with every change; the ETag.';

CREATE TABLE public.upstream_grant (
    nfvi_pop_id text NOT NULL,
    grant_id text NOT NULL COLLATE pg_catalog."C",
    state public.upstream_state DEFAULT 'ASKING'::text NOT NULL,
    detail text DEFAULT ''::text NOT NULL,
    answer jsonb,
    asked_at timestamp with time zone DEFAULT statement_timestamp() NOT NULL,
    answered_at timestamp with time zone,
    given_back boolean DEFAULT false NOT NULL,
    CONSTRAINT upstream_grant_answer_ck CHECK ((((state)::text <> 'AGREED'::text) OR (answer IS NOT NULL)))
);

COMMENT ON TABLE public.upstream_grant IS 'Grants that are answered only once the NFVO upstream has agreed, and what it said. A row is written in the transaction of its grant.';

COMMENT ON COLUMN public.upstream_grant.nfvi_pop_id IS 'NFVI-PoP of the grant.';

COMMENT ON COLUMN public.upstream_grant.grant_id IS 'The grant.';

COMMENT ON COLUMN public.upstream_grant.state IS 'ASKING until there is an answer; FAILED: none came, or none that could be followed.';

COMMENT ON COLUMN public.upstream_grant.detail IS 'Why it is REFUSED or FAILED.';

COMMENT ON COLUMN public.upstream_grant.answer IS 'The grant of the NFVO, as it sent it; NULL: it sent none.';

COMMENT ON COLUMN public.upstream_grant.asked_at IS 'When it was asked last, or the grant was committed.';

COMMENT ON COLUMN public.upstream_grant.answered_at IS 'When the state was reached; NULL: it is being asked.';

COMMENT ON COLUMN public.upstream_grant.given_back IS 'What the grant reserved was given back.';

CREATE TABLE public.violation (
    nfvi_pop_id text NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    host_id text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    residency_id text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    vnf_instance_id text DEFAULT ''::text NOT NULL,
    trust_domain_id text DEFAULT ''::text NOT NULL,
    policy_id text NOT NULL,
    rule_id text NOT NULL,
    checked text NOT NULL,
    against_id text DEFAULT ''::text NOT NULL,
    params jsonb DEFAULT '{}'::jsonb NOT NULL,
    evict boolean NOT NULL,
    policy_epoch bigint NOT NULL,
    since timestamp with time zone DEFAULT statement_timestamp() NOT NULL,
    until timestamp with time zone,
    enforcement text DEFAULT 'ENFORCED'::text NOT NULL,
    eviction text DEFAULT 'NONE'::text NOT NULL,
    eviction_ordered_at timestamp with time zone,
    eviction_done_at timestamp with time zone,
    source text DEFAULT 'RULES'::text NOT NULL,
    object text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    CONSTRAINT violation_enforcement_ck CHECK ((enforcement = ANY (ARRAY['ENFORCED'::text, 'SHOULD'::text, 'AUDIT'::text]))),
    CONSTRAINT violation_eviction_ck CHECK ((eviction = ANY (ARRAY['NONE'::text, 'PENDING'::text, 'ORDERED'::text, 'DONE'::text]))),
    CONSTRAINT violation_source_ck CHECK ((source = ANY (ARRAY['RULES'::text, 'OBSERVATION'::text, 'DIRECTIVES'::text])))
);

COMMENT ON TABLE public.violation IS 'Where what is decided to run does not meet a rule in force. Recorded after the fact; whether something is granted does not depend on it.';

COMMENT ON COLUMN public.violation.nfvi_pop_id IS 'NFVI-PoP of the host; "-" when there is none.';

COMMENT ON COLUMN public.violation.id IS 'Identifier.';

COMMENT ON COLUMN public.violation.host_id IS 'Host; empty: none.';

COMMENT ON COLUMN public.violation.residency_id IS 'Residency that does not meet the rule; empty: none.';

COMMENT ON COLUMN public.violation.vnf_instance_id IS 'Its VNF instance.';

COMMENT ON COLUMN public.violation.trust_domain_id IS 'Its trust domain.';

COMMENT ON COLUMN public.violation.policy_id IS 'Policy of the rule.';

COMMENT ON COLUMN public.violation.rule_id IS 'Rule, or BREAK-GLASS.';

COMMENT ON COLUMN public.violation.checked IS 'What was checked: the kind of the rule, or the check within that kind.';

COMMENT ON COLUMN public.violation.against_id IS 'Residency that the rule separates from; empty for rules that are not about pairs.';

COMMENT ON COLUMN public.violation.params IS 'What the sentence is made of, by name.';

COMMENT ON COLUMN public.violation.evict IS 'The rule says onViolation EVICT.';

COMMENT ON COLUMN public.violation.policy_epoch IS 'Policy epoch in which it was found first.';

COMMENT ON COLUMN public.violation.since IS 'When it was found first.';

COMMENT ON COLUMN public.violation.until IS 'When it was found no longer; null: it stands.';

COMMENT ON COLUMN public.violation.enforcement IS 'What the rule does with what does not meet it: ENFORCED refuses, SHOULD warns, AUDIT records.';

COMMENT ON COLUMN public.violation.eviction IS 'What becomes of the residency because of it: NONE, PENDING until its turn comes, ORDERED when its host was told to release it, DONE when it was observed gone after that.';

COMMENT ON COLUMN public.violation.eviction_ordered_at IS 'When its host was told to release the residency; null: it was not.';

COMMENT ON COLUMN public.violation.eviction_done_at IS 'When the residency was observed gone after that; null: it was not.';

COMMENT ON COLUMN public.violation.source IS 'What found it: RULES held what is decided against the policies in force, OBSERVATION what a host reports against what is decided, DIRECTIVES what hosts were told against what they answered.';

COMMENT ON COLUMN public.violation.object IS 'What else it is about: an artefact, what the NFVI calls a workload, or a directive; empty: nothing.';

CREATE TABLE public.violation_check (
    only_row boolean DEFAULT true NOT NULL,
    checker text DEFAULT ''::text NOT NULL,
    leased_until timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    policy_epoch bigint DEFAULT 0 NOT NULL,
    checked_at timestamp with time zone,
    CONSTRAINT violation_check_only_row_ck CHECK (only_row)
);

COMMENT ON TABLE public.violation_check IS 'One row: which replica looks for violations, and what it has looked at.';

COMMENT ON COLUMN public.violation_check.only_row IS 'Always true.';

COMMENT ON COLUMN public.violation_check.checker IS 'Process that looks for violations; empty: none yet.';

COMMENT ON COLUMN public.violation_check.leased_until IS 'Until when no other process does.';

COMMENT ON COLUMN public.violation_check.policy_epoch IS 'Policy epoch of the last complete check.';

COMMENT ON COLUMN public.violation_check.checked_at IS 'When that was; null: never.';

CREATE TABLE public.vnf_lcm_operation (
    nfvi_pop_id text NOT NULL,
    grant_id text NOT NULL COLLATE pg_catalog."C",
    state text NOT NULL,
    event_at timestamp with time zone,
    noted_at timestamp with time zone NOT NULL,
    CONSTRAINT vnf_lcm_operation_state_ck CHECK ((state = ANY (ARRAY['STARTING'::text, 'PROCESSING'::text, 'COMPLETED'::text, 'FAILED_TEMP'::text, 'FAILED'::text, 'ROLLING_BACK'::text, 'ROLLED_BACK'::text])))
);

COMMENT ON TABLE public.vnf_lcm_operation IS 'What became of the VNF LCM operation occurrences that were granted, as VNFMs and NFVOs tell.';

COMMENT ON COLUMN public.vnf_lcm_operation.nfvi_pop_id IS 'NFVI-PoP of the grant.';

COMMENT ON COLUMN public.vnf_lcm_operation.grant_id IS 'The grant that the operation was given.';

COMMENT ON COLUMN public.vnf_lcm_operation.state IS 'State of the operation. After COMPLETED, FAILED or ROLLED_BACK none follows.';

COMMENT ON COLUMN public.vnf_lcm_operation.event_at IS 'When the operation came to it, by the clock of who told; NULL: not told.';

COMMENT ON COLUMN public.vnf_lcm_operation.noted_at IS 'When it was noted here, after everything that follows from it was done.';

CREATE TABLE public.vnf_package (
    id text NOT NULL,
    vnfd_id text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    state text DEFAULT 'UPLOADING'::text NOT NULL,
    archive boolean DEFAULT true NOT NULL,
    vnfd_version text DEFAULT ''::text NOT NULL,
    provider text DEFAULT ''::text NOT NULL,
    product_name text DEFAULT ''::text NOT NULL,
    software_version text DEFAULT ''::text NOT NULL,
    size_bytes bigint DEFAULT 0 NOT NULL,
    sha256 text DEFAULT ''::text NOT NULL,
    draft json DEFAULT '{}'::json NOT NULL,
    findings json DEFAULT '[]'::json NOT NULL,
    created_by text NOT NULL,
    created_at timestamp with time zone DEFAULT statement_timestamp() NOT NULL,
    onboarded_at timestamp with time zone,
    CONSTRAINT vnf_package_onboarded_ck CHECK (((state = 'UPLOADING'::text) OR ((vnfd_id <> ''::text) AND (onboarded_at IS NOT NULL)))),
    CONSTRAINT vnf_package_state_ck CHECK ((state = ANY (ARRAY['UPLOADING'::text, 'ONBOARDED'::text])))
);

COMMENT ON TABLE public.vnf_package IS 'VNF packages and single VNFDs that were onboarded, or are being sent.';

COMMENT ON COLUMN public.vnf_package.id IS 'Identifier.';

COMMENT ON COLUMN public.vnf_package.vnfd_id IS 'Identifier of the VNFD in it (descriptor_id); empty until it was read.';

COMMENT ON COLUMN public.vnf_package.state IS 'UPLOADING while it is sent and read, then ONBOARDED. What stays UPLOADING for long was broken off and goes.';

COMMENT ON COLUMN public.vnf_package.archive IS 'Whether it is a CSAR; otherwise it is a single VNFD.';

COMMENT ON COLUMN public.vnf_package.vnfd_version IS 'Version of the VNFD.';

COMMENT ON COLUMN public.vnf_package.provider IS 'Provider of the VNF.';

COMMENT ON COLUMN public.vnf_package.product_name IS 'Name of the product.';

COMMENT ON COLUMN public.vnf_package.software_version IS 'Version of its software.';

COMMENT ON COLUMN public.vnf_package.size_bytes IS 'Length of the content.';

COMMENT ON COLUMN public.vnf_package.sha256 IS 'SHA-256 of the content.';

COMMENT ON COLUMN public.vnf_package.draft IS 'What the VNFD says of the VNF profile, byte for byte.';

COMMENT ON COLUMN public.vnf_package.findings IS 'What was found in it, with places.';

COMMENT ON COLUMN public.vnf_package.created_by IS 'Client that sent it.';

COMMENT ON COLUMN public.vnf_package.created_at IS 'When it began to be sent.';

COMMENT ON COLUMN public.vnf_package.onboarded_at IS 'When it was onboarded; null until then.';

CREATE TABLE public.vnf_package_chunk (
    vnf_package_id text NOT NULL,
    number integer NOT NULL,
    content bytea NOT NULL
);
ALTER TABLE ONLY public.vnf_package_chunk ALTER COLUMN content SET STORAGE EXTERNAL;

COMMENT ON TABLE public.vnf_package_chunk IS 'Content of VNF packages, in pieces.';

COMMENT ON COLUMN public.vnf_package_chunk.vnf_package_id IS 'The package.';

COMMENT ON COLUMN public.vnf_package_chunk.number IS 'From 0; all pieces but the last are equally long.';

COMMENT ON COLUMN public.vnf_package_chunk.content IS 'The bytes.';

CREATE TABLE public.vnfm (
    id text NOT NULL COLLATE pg_catalog."C",
    api_root text NOT NULL,
    client_id text NOT NULL,
    credentials text NOT NULL,
    state public.vnfm_state DEFAULT 'PENDING'::text NOT NULL,
    reason text DEFAULT ''::text NOT NULL,
    subscription_id text DEFAULT ''::text NOT NULL,
    since timestamp with time zone DEFAULT statement_timestamp() NOT NULL,
    checked_at timestamp with time zone,
    due_at timestamp with time zone DEFAULT statement_timestamp() NOT NULL,
    claimed_until timestamp with time zone,
    failures integer DEFAULT 0 NOT NULL,
    actor_id text NOT NULL,
    revision bigint DEFAULT 1 NOT NULL
);

COMMENT ON TABLE public.vnfm IS 'The VNFMs that are subscribed to.';

COMMENT ON COLUMN public.vnfm.id IS 'What the VNFM is called here.';

COMMENT ON COLUMN public.vnfm.api_root IS 'API root of its VNF lifecycle management interface.';

COMMENT ON COLUMN public.vnfm.client_id IS 'The client that its requests and notifications come from.';

COMMENT ON COLUMN public.vnfm.credentials IS 'Name of the credentials in the file of such; empty: none are shown. The credentials themselves are in no table.';

COMMENT ON COLUMN public.vnfm.state IS 'How far the subscription is.';

COMMENT ON COLUMN public.vnfm.reason IS 'What went wrong the last time; empty: nothing did.';

COMMENT ON COLUMN public.vnfm.subscription_id IS 'What the VNFM calls the subscription; empty: there was none yet.';

COMMENT ON COLUMN public.vnfm.since IS 'When it came to this state.';

COMMENT ON COLUMN public.vnfm.checked_at IS 'When the VNFM was last asked; NULL: never.';

COMMENT ON COLUMN public.vnfm.due_at IS 'When it is to be asked next.';

COMMENT ON COLUMN public.vnfm.claimed_until IS 'Until when a replica looks after it; after that another one may; NULL: nobody does.';

COMMENT ON COLUMN public.vnfm.failures IS 'How often it failed in a row.';

COMMENT ON COLUMN public.vnfm.actor_id IS 'Who registered it, or deleted it where it is UNSUBSCRIBING.';

COMMENT ON COLUMN public.vnfm.revision IS 'Counts the changes, from 1.';

ALTER TABLE ONLY public.access_refusal
    ADD CONSTRAINT access_refusal_pk PRIMARY KEY (id);

ALTER TABLE ONLY public.attestation_record
    ADD CONSTRAINT attestation_record_pk PRIMARY KEY (nfvi_pop_id, host_id, id);

ALTER TABLE ONLY public.audit_record
    ADD CONSTRAINT audit_record_pk PRIMARY KEY (nfvi_pop_id, txid, id);

ALTER TABLE ONLY public.cache_entry
    ADD CONSTRAINT cache_entry_pk PRIMARY KEY (nfvi_pop_id, host_id, digest);

ALTER TABLE ONLY public.cache_order
    ADD CONSTRAINT cache_order_pk PRIMARY KEY (nfvi_pop_id, host_id, digest, trust_domain_id);

ALTER TABLE ONLY public.change_feed
    ADD CONSTRAINT change_feed_pk PRIMARY KEY (nfvi_pop_id, txid, id);

ALTER DOMAIN public.change_kind
    ADD CONSTRAINT change_kind_ck CHECK ((VALUE = ANY (ARRAY['TRUST_DOMAIN'::text, 'TRUST_RELATION'::text, 'NFVI_POP'::text, 'RESOURCE_ZONE'::text, 'HOST_POOL'::text, 'RUNTIME_CLASS'::text, 'HOST'::text, 'IMAGE'::text, 'VNF_PROFILE'::text, 'STANDING_CONSTRAINT'::text, 'RESIDENCY'::text, 'CACHE_ENTRY'::text, 'POLICIES'::text, 'POLICY_EPOCH'::text]))) NOT VALID;

ALTER TABLE ONLY public.claim
    ADD CONSTRAINT claim_member_uq UNIQUE (nfvi_pop_id, scope_id, separation_group, member);

ALTER TABLE ONLY public.claim
    ADD CONSTRAINT claim_pk PRIMARY KEY (nfvi_pop_id, scope_id, separation_group);

ALTER TABLE ONLY public.decision
    ADD CONSTRAINT decision_pk PRIMARY KEY (nfvi_pop_id, id);

ALTER TABLE ONLY public.directive_follower
    ADD CONSTRAINT directive_follower_pk PRIMARY KEY (nfvi_pop_id, host_id);

ALTER TABLE ONLY public.directive
    ADD CONSTRAINT directive_pk PRIMARY KEY (nfvi_pop_id, host_id, seq);

ALTER TABLE ONLY public.directory
    ADD CONSTRAINT directory_pk PRIMARY KEY (kind, id);

ALTER TABLE ONLY public.enforcement_mode
    ADD CONSTRAINT enforcement_mode_pk PRIMARY KEY (subject, subject_id);

ALTER TABLE ONLY public.host_ext_capacity
    ADD CONSTRAINT host_ext_capacity_pk PRIMARY KEY (nfvi_pop_id, host_id, dimension);

ALTER TABLE ONLY public.host
    ADD CONSTRAINT host_pk PRIMARY KEY (nfvi_pop_id, id);

ALTER TABLE ONLY public.host_pool
    ADD CONSTRAINT host_pool_pk PRIMARY KEY (id);

ALTER TABLE ONLY public.idempotency
    ADD CONSTRAINT idempotency_pk PRIMARY KEY (client_id, vnf_lcm_op_occ_id);

ALTER TABLE ONLY public.image
    ADD CONSTRAINT image_pk PRIMARY KEY (digest);

ALTER TABLE ONLY public.nfvi_pop
    ADD CONSTRAINT nfvi_pop_pk PRIMARY KEY (id);

ALTER TABLE ONLY public.observed_cache
    ADD CONSTRAINT observed_cache_pk PRIMARY KEY (nfvi_pop_id, host_id, ordinal);

ALTER TABLE ONLY public.observed_residency
    ADD CONSTRAINT observed_residency_pk PRIMARY KEY (nfvi_pop_id, host_id, ordinal);

ALTER TABLE ONLY public.observed_state
    ADD CONSTRAINT observed_state_pk PRIMARY KEY (nfvi_pop_id, host_id);

ALTER TABLE ONLY public.pending_change
    ADD CONSTRAINT pending_change_pk PRIMARY KEY (id);

ALTER TABLE ONLY public.pending_grant
    ADD CONSTRAINT pending_grant_pk PRIMARY KEY (id);

ALTER TABLE ONLY public.policy_conflict
    ADD CONSTRAINT policy_conflict_pk PRIMARY KEY (id);

ALTER TABLE ONLY public.policy_delivery
    ADD CONSTRAINT policy_delivery_pk PRIMARY KEY (subscription_id, event_id);

ALTER TABLE ONLY public.policy_epoch
    ADD CONSTRAINT policy_epoch_pk PRIMARY KEY (only_row);

ALTER TABLE ONLY public.policy_event
    ADD CONSTRAINT policy_event_pk PRIMARY KEY (id);

ALTER TABLE ONLY public.policy
    ADD CONSTRAINT policy_pk PRIMARY KEY (id);

ALTER TABLE ONLY public.policy_subscription
    ADD CONSTRAINT policy_subscription_pk PRIMARY KEY (id);

ALTER TABLE ONLY public.policy_version
    ADD CONSTRAINT policy_version_pk PRIMARY KEY (policy_id, version);

ALTER TABLE ONLY public.residency_claim
    ADD CONSTRAINT residency_claim_pk PRIMARY KEY (nfvi_pop_id, residency_id, scope_id, separation_group);

ALTER TABLE ONLY public.residency
    ADD CONSTRAINT residency_pk PRIMARY KEY (nfvi_pop_id, id);

ALTER TABLE ONLY public.residue
    ADD CONSTRAINT residue_pk PRIMARY KEY (nfvi_pop_id, host_id, id);

ALTER TABLE ONLY public.residue
    ADD CONSTRAINT residue_source_uq UNIQUE (nfvi_pop_id, host_id, trust_domain_id, nf_instance, below_vm, device);

ALTER TABLE ONLY public.resource_zone
    ADD CONSTRAINT resource_zone_pk PRIMARY KEY (id);

ALTER TABLE ONLY public.resource_zone
    ADD CONSTRAINT resource_zone_pop_uq UNIQUE (nfvi_pop_id, id);

ALTER TABLE ONLY public.runtime_class
    ADD CONSTRAINT runtime_class_pk PRIMARY KEY (name);

ALTER TABLE ONLY public.schema_migrations
    ADD CONSTRAINT schema_migrations_pkey PRIMARY KEY (version);

ALTER TABLE ONLY public.scope_lock
    ADD CONSTRAINT scope_lock_pk PRIMARY KEY (id);

ALTER TABLE ONLY public.scrub_record
    ADD CONSTRAINT scrub_record_pk PRIMARY KEY (nfvi_pop_id, host_id, id);

ALTER TABLE ONLY public.standing_constraint
    ADD CONSTRAINT standing_constraint_pk PRIMARY KEY (id);

ALTER TABLE ONLY public.trust_domain
    ADD CONSTRAINT trust_domain_pk PRIMARY KEY (id);

ALTER TABLE ONLY public.trust_relation
    ADD CONSTRAINT trust_relation_pk PRIMARY KEY (from_id, to_id);

ALTER TABLE ONLY public.upstream_grant
    ADD CONSTRAINT upstream_grant_pk PRIMARY KEY (nfvi_pop_id, grant_id);

ALTER TABLE ONLY public.violation_check
    ADD CONSTRAINT violation_check_pk PRIMARY KEY (only_row);

ALTER TABLE ONLY public.violation
    ADD CONSTRAINT violation_pk PRIMARY KEY (nfvi_pop_id, id);

ALTER TABLE ONLY public.vnf_grant
    ADD CONSTRAINT vnf_grant_pk PRIMARY KEY (nfvi_pop_id, id);

ALTER TABLE ONLY public.vnf_instance_params
    ADD CONSTRAINT vnf_instance_params_pk PRIMARY KEY (vnf_instance_id);

ALTER TABLE ONLY public.vnf_lcm_operation
    ADD CONSTRAINT vnf_lcm_operation_pk PRIMARY KEY (nfvi_pop_id, grant_id);

ALTER TABLE ONLY public.vnf_package_chunk
    ADD CONSTRAINT vnf_package_chunk_pk PRIMARY KEY (vnf_package_id, number);

ALTER TABLE ONLY public.vnf_package
    ADD CONSTRAINT vnf_package_pk PRIMARY KEY (id);

ALTER TABLE ONLY public.vnf_profile
    ADD CONSTRAINT vnf_profile_pk PRIMARY KEY (vnfd_id);

ALTER TABLE ONLY public.vnfm
    ADD CONSTRAINT vnfm_api_root_uq UNIQUE (api_root);

ALTER TABLE ONLY public.vnfm
    ADD CONSTRAINT vnfm_client_uq UNIQUE (client_id);

ALTER TABLE ONLY public.vnfm
    ADD CONSTRAINT vnfm_pk PRIMARY KEY (id);

CREATE INDEX audit_record_position_ix ON public.audit_record USING btree (txid, id);

CREATE INDEX cache_entry_host_ix ON public.cache_entry USING btree (host_id, digest);

CREATE INDEX change_feed_position_ix ON public.change_feed USING btree (txid, id);

CREATE INDEX decision_at_ix ON public.decision USING btree (at, id);

CREATE INDEX decision_observed_ix ON public.decision USING btree (client_id, at) WHERE ((enforcement)::text = 'OBSERVE'::text);

CREATE INDEX directive_feed_ix ON public.directive USING btree (vim_connection_id, txid, feed_id);

CREATE INDEX directive_recorded_ix ON public.directive USING btree (vim_connection_id, kind) WHERE ((ack_outcome)::text = 'RECORDED'::text);

CREATE INDEX directive_unsettled_ix ON public.directive USING btree (nfvi_pop_id, host_id, seq) WHERE (((ack_outcome)::text = 'FAILED'::text) OR ((ack_outcome IS NULL) AND ((kind)::text <> 'PLACE'::text)));

CREATE INDEX host_host_pool_ix ON public.host USING btree (host_pool_id, id);

CREATE INDEX host_id_ix ON public.host USING btree (id);

CREATE INDEX host_lifecycle_ix ON public.host USING btree (lifecycle, id);

CREATE INDEX host_resource_zone_ix ON public.host USING btree (resource_zone_id, id);

CREATE INDEX host_told_ix ON public.host USING btree (vim_connection_id, told_enforcement);

CREATE INDEX pending_change_alone_ix ON public.pending_change USING btree (break_glass_until) WHERE ((break_glass_until IS NOT NULL) AND (confirmed_by IS NULL));

CREATE INDEX pending_change_open_ix ON public.pending_change USING btree (expires_at) WHERE (state = 'PENDING'::text);

CREATE INDEX pending_grant_decided_ix ON public.pending_grant USING btree (decided_at) WHERE (decided_at IS NOT NULL);

CREATE INDEX pending_grant_queue_ix ON public.pending_grant USING btree (queued_at) WHERE (decided_at IS NULL);

CREATE UNIQUE INDEX pending_grant_request_ix ON public.pending_grant USING btree (client_id, vnf_lcm_op_occ_id, body_sha256) WHERE (decided_at IS NULL);

CREATE INDEX policy_delivery_due_ix ON public.policy_delivery USING btree (due_at) WHERE ((state)::text = 'PENDING'::text);

CREATE INDEX policy_delivery_event_ix ON public.policy_delivery USING btree (event_id);

CREATE INDEX policy_delivery_settled_ix ON public.policy_delivery USING btree (settled_at) WHERE ((state)::text <> 'PENDING'::text);

CREATE INDEX policy_event_at_ix ON public.policy_event USING btree (at);

CREATE INDEX policy_subscription_client_ix ON public.policy_subscription USING btree (client_id, id);

CREATE INDEX residency_claim_scope_ix ON public.residency_claim USING btree (nfvi_pop_id, scope_id, separation_group);

CREATE INDEX residency_expiry_ix ON public.residency USING btree (state, expires_at) WHERE (expires_at IS NOT NULL);

CREATE INDEX residency_grant_ix ON public.residency USING btree (grant_id) WHERE (grant_id IS NOT NULL);

CREATE INDEX residency_host_ix ON public.residency USING btree (nfvi_pop_id, host_id);

CREATE INDEX residency_id_ix ON public.residency USING btree (id);

CREATE INDEX residency_vim_resource_ix ON public.residency USING gin (vim_resource_ids) WHERE (vim_resource_ids <> '{}'::text[]);

CREATE INDEX residency_vnf_instance_ix ON public.residency USING btree (vnf_instance_id, component_id);

CREATE INDEX upstream_grant_id_ix ON public.upstream_grant USING btree (grant_id);

CREATE INDEX upstream_grant_open_ix ON public.upstream_grant USING btree (asked_at) WHERE (((state)::text <> 'AGREED'::text) AND (NOT given_back));

CREATE INDEX violation_eviction_ix ON public.violation USING btree (eviction, nfvi_pop_id, host_id) WHERE (eviction = ANY (ARRAY['PENDING'::text, 'ORDERED'::text]));

CREATE INDEX violation_eviction_ordered_ix ON public.violation USING btree (eviction_ordered_at) WHERE (eviction_ordered_at IS NOT NULL);

CREATE INDEX violation_host_ix ON public.violation USING btree (host_id, id);

CREATE INDEX violation_id_ix ON public.violation USING btree (id);

CREATE UNIQUE INDEX violation_open_ix ON public.violation USING btree (nfvi_pop_id, host_id, source, residency_id, policy_id, rule_id, against_id, object) WHERE (until IS NULL);

CREATE INDEX violation_rule_ix ON public.violation USING btree (rule_id, id);

CREATE INDEX violation_standing_ix ON public.violation USING btree (id) WHERE (until IS NULL);

CREATE INDEX violation_until_ix ON public.violation USING btree (until) WHERE (until IS NOT NULL);

CREATE UNIQUE INDEX vnf_package_vnfd_ix ON public.vnf_package USING btree (vnfd_id) WHERE (state = 'ONBOARDED'::text);

CREATE INDEX vnfm_due_ix ON public.vnfm USING btree (due_at);

ALTER TABLE ONLY public.cache_entry
    ADD CONSTRAINT cache_entry_host_fk FOREIGN KEY (nfvi_pop_id, host_id) REFERENCES public.host(nfvi_pop_id, id);

ALTER TABLE ONLY public.host_ext_capacity
    ADD CONSTRAINT host_ext_capacity_host_fk FOREIGN KEY (nfvi_pop_id, host_id) REFERENCES public.host(nfvi_pop_id, id);

ALTER TABLE ONLY public.host
    ADD CONSTRAINT host_host_pool_fk FOREIGN KEY (host_pool_id) REFERENCES public.host_pool(id);

ALTER TABLE ONLY public.host
    ADD CONSTRAINT host_nfvi_pop_fk FOREIGN KEY (nfvi_pop_id) REFERENCES public.nfvi_pop(id);

ALTER TABLE ONLY public.host
    ADD CONSTRAINT host_resource_zone_fk FOREIGN KEY (nfvi_pop_id, resource_zone_id) REFERENCES public.resource_zone(nfvi_pop_id, id);

ALTER TABLE ONLY public.observed_cache
    ADD CONSTRAINT observed_cache_state_fk FOREIGN KEY (nfvi_pop_id, host_id) REFERENCES public.observed_state(nfvi_pop_id, host_id) ON DELETE CASCADE;

ALTER TABLE ONLY public.observed_residency
    ADD CONSTRAINT observed_residency_state_fk FOREIGN KEY (nfvi_pop_id, host_id) REFERENCES public.observed_state(nfvi_pop_id, host_id) ON DELETE CASCADE;

ALTER TABLE ONLY public.observed_state
    ADD CONSTRAINT observed_state_host_fk FOREIGN KEY (nfvi_pop_id, host_id) REFERENCES public.host(nfvi_pop_id, id) ON DELETE CASCADE;

ALTER TABLE ONLY public.policy_delivery
    ADD CONSTRAINT policy_delivery_event_fk FOREIGN KEY (event_id) REFERENCES public.policy_event(id);

ALTER TABLE ONLY public.policy_delivery
    ADD CONSTRAINT policy_delivery_subscription_fk FOREIGN KEY (subscription_id) REFERENCES public.policy_subscription(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.policy
    ADD CONSTRAINT policy_selected_version_fk FOREIGN KEY (id, selected_version) REFERENCES public.policy_version(policy_id, version);

ALTER TABLE ONLY public.policy_version
    ADD CONSTRAINT policy_version_policy_fk FOREIGN KEY (policy_id) REFERENCES public.policy(id);

ALTER TABLE ONLY public.residency_claim
    ADD CONSTRAINT residency_claim_claim_fk FOREIGN KEY (nfvi_pop_id, scope_id, separation_group, member) REFERENCES public.claim(nfvi_pop_id, scope_id, separation_group, member);

ALTER TABLE ONLY public.residency_claim
    ADD CONSTRAINT residency_claim_residency_fk FOREIGN KEY (nfvi_pop_id, residency_id) REFERENCES public.residency(nfvi_pop_id, id);

ALTER TABLE ONLY public.residency
    ADD CONSTRAINT residency_host_fk FOREIGN KEY (nfvi_pop_id, host_id) REFERENCES public.host(nfvi_pop_id, id);

ALTER TABLE ONLY public.resource_zone
    ADD CONSTRAINT resource_zone_nfvi_pop_fk FOREIGN KEY (nfvi_pop_id) REFERENCES public.nfvi_pop(id);

ALTER TABLE ONLY public.trust_relation
    ADD CONSTRAINT trust_relation_from_fk FOREIGN KEY (from_id) REFERENCES public.trust_domain(id);

ALTER TABLE ONLY public.trust_relation
    ADD CONSTRAINT trust_relation_to_fk FOREIGN KEY (to_id) REFERENCES public.trust_domain(id);

ALTER TABLE ONLY public.vnf_package_chunk
    ADD CONSTRAINT vnf_package_chunk_fk FOREIGN KEY (vnf_package_id) REFERENCES public.vnf_package(id) ON DELETE CASCADE;

ALTER TABLE public.access_refusal ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.attestation_record ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.cache_entry ENABLE ROW LEVEL SECURITY;

CREATE POLICY caller ON public.access_refusal FOR SELECT TO ringfence_caller USING ((( SELECT public.caller_reads_all() AS caller_reads_all) AND ((NOT cleared) OR ( SELECT public.caller_li() AS caller_li))));

CREATE POLICY caller ON public.attestation_record FOR SELECT TO ringfence_caller USING ((( SELECT public.caller_reads_all() AS caller_reads_all) AND (NOT (host_id IN ( SELECT public.hidden_hosts() AS hidden_hosts)))));

CREATE POLICY caller ON public.cache_entry FOR SELECT TO ringfence_caller USING ((( SELECT public.caller_reads_all() AS caller_reads_all) AND (NOT (host_id IN ( SELECT public.hidden_hosts() AS hidden_hosts))) AND (NOT (trust_domain_id IN ( SELECT public.hidden_trust_domains() AS hidden_trust_domains))) AND (NOT (digest IN ( SELECT public.hidden_images() AS hidden_images)))));

CREATE POLICY caller ON public.decision FOR SELECT TO ringfence_caller USING (((client_id = ( SELECT public.caller_id() AS caller_id)) OR (( SELECT public.caller_reads_all() AS caller_reads_all) AND (((inputs ->> 'withoutLi'::text) = 'true'::text) OR (NOT public.names_any((inputs)::text, ( SELECT public.hidden_names() AS hidden_names)))))));

CREATE POLICY caller ON public.directive FOR SELECT TO ringfence_caller USING ((( SELECT public.caller_reads_all() AS caller_reads_all) AND (NOT (host_id IN ( SELECT public.hidden_hosts() AS hidden_hosts)))));

CREATE POLICY caller ON public.directory FOR SELECT TO ringfence_caller USING (((((kind)::text <> 'HOST'::text) AND (( SELECT public.caller_id() AS caller_id) <> ''::text)) OR (( SELECT public.caller_reads_all() AS caller_reads_all) AND (NOT (id IN ( SELECT public.hidden_hosts() AS hidden_hosts))))));

CREATE POLICY caller ON public.enforcement_mode FOR SELECT TO ringfence_caller USING (( SELECT public.caller_reads_all() AS caller_reads_all));

CREATE POLICY caller ON public.host FOR SELECT TO ringfence_caller USING ((( SELECT public.caller_reads_all() AS caller_reads_all) AND (NOT (id IN ( SELECT public.hidden_hosts() AS hidden_hosts)))));

CREATE POLICY caller ON public.host_ext_capacity FOR SELECT TO ringfence_caller USING ((( SELECT public.caller_reads_all() AS caller_reads_all) AND (NOT (host_id IN ( SELECT public.hidden_hosts() AS hidden_hosts)))));

CREATE POLICY caller ON public.host_pool FOR SELECT TO ringfence_caller USING ((( SELECT public.caller_reads_all() AS caller_reads_all) AND (NOT (id IN ( SELECT public.hidden_host_pools() AS hidden_host_pools)))));

CREATE POLICY caller ON public.image FOR SELECT TO ringfence_caller USING ((( SELECT public.caller_reads_all() AS caller_reads_all) AND (NOT (digest IN ( SELECT public.hidden_images() AS hidden_images)))));

CREATE POLICY caller ON public.nfvi_pop FOR SELECT TO ringfence_caller USING (( SELECT public.caller_reads_all() AS caller_reads_all));

CREATE POLICY caller ON public.pending_change FOR SELECT TO ringfence_caller USING ((( SELECT public.caller_reads_all() AS caller_reads_all) AND (NOT public.names_any((changes)::text, ( SELECT public.hidden_names() AS hidden_names))) AND (NOT ((changes @? '$.**."category"?(@ == "LI")'::jsonpath) AND (NOT ( SELECT public.caller_li() AS caller_li))))));

CREATE POLICY caller ON public.policy FOR SELECT TO ringfence_caller USING (( SELECT public.caller_reads_all() AS caller_reads_all));

CREATE POLICY caller ON public.policy_delivery FOR SELECT TO ringfence_caller USING ((EXISTS ( SELECT
   FROM public.policy_subscription s
  WHERE (s.id = policy_delivery.subscription_id))));

CREATE POLICY caller ON public.policy_epoch FOR SELECT TO ringfence_caller USING (( SELECT public.caller_reads_all() AS caller_reads_all));

CREATE POLICY caller ON public.policy_event FOR SELECT TO ringfence_caller USING (( SELECT public.caller_reads_all() AS caller_reads_all));

CREATE POLICY caller ON public.policy_subscription FOR SELECT TO ringfence_caller USING (((client_id = ( SELECT public.caller_id() AS caller_id)) OR ( SELECT public.caller_reads_all() AS caller_reads_all)));

CREATE POLICY caller ON public.policy_version FOR SELECT TO ringfence_caller USING (( SELECT public.caller_reads_all() AS caller_reads_all));

CREATE POLICY caller ON public.residency FOR SELECT TO ringfence_caller USING ((public.owns_grant(grant_id) OR (( SELECT public.caller_reads_all() AS caller_reads_all) AND (NOT (trust_domain_id IN ( SELECT public.hidden_trust_domains() AS hidden_trust_domains))) AND (NOT (host_id IN ( SELECT public.hidden_hosts() AS hidden_hosts))))));

CREATE POLICY caller ON public.residue FOR SELECT TO ringfence_caller USING ((( SELECT public.caller_reads_all() AS caller_reads_all) AND (NOT (host_id IN ( SELECT public.hidden_hosts() AS hidden_hosts))) AND (NOT (trust_domain_id IN ( SELECT public.hidden_trust_domains() AS hidden_trust_domains)))));

CREATE POLICY caller ON public.resource_zone FOR SELECT TO ringfence_caller USING (( SELECT public.caller_reads_all() AS caller_reads_all));

CREATE POLICY caller ON public.runtime_class FOR SELECT TO ringfence_caller USING (( SELECT public.caller_reads_all() AS caller_reads_all));

CREATE POLICY caller ON public.scrub_record FOR SELECT TO ringfence_caller USING ((( SELECT public.caller_reads_all() AS caller_reads_all) AND (NOT (host_id IN ( SELECT public.hidden_hosts() AS hidden_hosts)))));

CREATE POLICY caller ON public.standing_constraint FOR SELECT TO ringfence_caller USING (((actor_id = ( SELECT public.caller_id() AS caller_id)) OR (( SELECT public.caller_reads_all() AS caller_reads_all) AND (NOT (vnfd_id IN ( SELECT public.hidden_vnf_profiles() AS hidden_vnf_profiles))) AND (( SELECT public.caller_li() AS caller_li) OR (NOT (EXISTS ( SELECT
   FROM unnest(standing_constraint.vnf_instance_ids) i(id)
  WHERE public.hidden_vnf_instance(i.id))))))));

CREATE POLICY caller ON public.trust_domain FOR SELECT TO ringfence_caller USING ((( SELECT public.caller_reads_all() AS caller_reads_all) AND (NOT (id IN ( SELECT public.hidden_trust_domains() AS hidden_trust_domains)))));

CREATE POLICY caller ON public.trust_relation FOR SELECT TO ringfence_caller USING ((( SELECT public.caller_reads_all() AS caller_reads_all) AND (NOT (from_id IN ( SELECT public.hidden_trust_domains() AS hidden_trust_domains))) AND (NOT (to_id IN ( SELECT public.hidden_trust_domains() AS hidden_trust_domains)))));

CREATE POLICY caller ON public.violation FOR SELECT TO ringfence_caller USING ((( SELECT public.caller_reads_all() AS caller_reads_all) AND (NOT (host_id IN ( SELECT public.hidden_hosts() AS hidden_hosts))) AND (NOT (trust_domain_id IN ( SELECT public.hidden_trust_domains() AS hidden_trust_domains))) AND ((against_id = ''::text) OR ( SELECT public.caller_li() AS caller_li) OR (NOT public.hidden_residency(against_id)))));

CREATE POLICY caller ON public.vnf_grant FOR SELECT TO ringfence_caller USING (((client_id = ( SELECT public.caller_id() AS caller_id)) OR (( SELECT public.caller_reads_all() AS caller_reads_all) AND (NOT public.names_any((placements)::text, ( SELECT public.hidden_names() AS hidden_names))))));

CREATE POLICY caller ON public.vnf_instance_params FOR SELECT TO ringfence_caller USING (( SELECT public.caller_reads_all() AS caller_reads_all));

CREATE POLICY caller ON public.vnf_package FOR SELECT TO ringfence_caller USING ((NOT (vnfd_id IN ( SELECT public.hidden_vnf_profiles() AS hidden_vnf_profiles))));

CREATE POLICY caller ON public.vnf_package_chunk FOR SELECT TO ringfence_caller USING ((EXISTS ( SELECT
   FROM public.vnf_package p
  WHERE (p.id = vnf_package_chunk.vnf_package_id))));

CREATE POLICY caller ON public.vnf_profile FOR SELECT TO ringfence_caller USING ((( SELECT public.caller_reads_all() AS caller_reads_all) AND (NOT (vnfd_id IN ( SELECT public.hidden_vnf_profiles() AS hidden_vnf_profiles)))));

CREATE POLICY caller ON public.vnfm FOR SELECT TO ringfence_caller USING (( SELECT public.caller_reads_all() AS caller_reads_all));

ALTER TABLE public.decision ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.directive ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.directory ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.enforcement_mode ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.host ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.host_ext_capacity ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.host_pool ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.image ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.nfvi_pop ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.pending_change ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.policy ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.policy_delivery ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.policy_epoch ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.policy_event ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.policy_subscription ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.policy_version ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.residency ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.residue ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.resource_zone ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.runtime_class ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.scrub_record ENABLE ROW LEVEL SECURITY;

CREATE POLICY service ON public.access_refusal TO ringfence_app USING (true) WITH CHECK (true);

CREATE POLICY service ON public.attestation_record TO ringfence_app USING (true) WITH CHECK (true);

CREATE POLICY service ON public.cache_entry TO ringfence_app USING (true) WITH CHECK (true);

CREATE POLICY service ON public.decision TO ringfence_app USING (true) WITH CHECK (true);

CREATE POLICY service ON public.directive TO ringfence_app USING (true) WITH CHECK (true);

CREATE POLICY service ON public.directory TO ringfence_app USING (true) WITH CHECK (true);

CREATE POLICY service ON public.enforcement_mode TO ringfence_app USING (true) WITH CHECK (true);

CREATE POLICY service ON public.host TO ringfence_app USING (true) WITH CHECK (true);

CREATE POLICY service ON public.host_ext_capacity TO ringfence_app USING (true) WITH CHECK (true);

CREATE POLICY service ON public.host_pool TO ringfence_app USING (true) WITH CHECK (true);

CREATE POLICY service ON public.image TO ringfence_app USING (true) WITH CHECK (true);

CREATE POLICY service ON public.nfvi_pop TO ringfence_app USING (true) WITH CHECK (true);

CREATE POLICY service ON public.pending_change TO ringfence_app USING (true) WITH CHECK (true);

CREATE POLICY service ON public.policy TO ringfence_app USING (true) WITH CHECK (true);

CREATE POLICY service ON public.policy_delivery TO ringfence_app USING (true) WITH CHECK (true);

CREATE POLICY service ON public.policy_epoch TO ringfence_app USING (true) WITH CHECK (true);

CREATE POLICY service ON public.policy_event TO ringfence_app USING (true) WITH CHECK (true);

CREATE POLICY service ON public.policy_subscription TO ringfence_app USING (true) WITH CHECK (true);

CREATE POLICY service ON public.policy_version TO ringfence_app USING (true) WITH CHECK (true);

CREATE POLICY service ON public.residency TO ringfence_app USING (true) WITH CHECK (true);

CREATE POLICY service ON public.residue TO ringfence_app USING (true) WITH CHECK (true);

CREATE POLICY service ON public.resource_zone TO ringfence_app USING (true) WITH CHECK (true);

CREATE POLICY service ON public.runtime_class TO ringfence_app USING (true) WITH CHECK (true);

CREATE POLICY service ON public.scrub_record TO ringfence_app USING (true) WITH CHECK (true);

CREATE POLICY service ON public.standing_constraint TO ringfence_app USING (true) WITH CHECK (true);

CREATE POLICY service ON public.trust_domain TO ringfence_app USING (true) WITH CHECK (true);

CREATE POLICY service ON public.trust_relation TO ringfence_app USING (true) WITH CHECK (true);

CREATE POLICY service ON public.violation TO ringfence_app USING (true) WITH CHECK (true);

CREATE POLICY service ON public.vnf_grant TO ringfence_app USING (true) WITH CHECK (true);

CREATE POLICY service ON public.vnf_instance_params TO ringfence_app USING (true) WITH CHECK (true);

CREATE POLICY service ON public.vnf_package TO ringfence_app USING (true) WITH CHECK (true);

CREATE POLICY service ON public.vnf_package_chunk TO ringfence_app USING (true) WITH CHECK (true);

CREATE POLICY service ON public.vnf_profile TO ringfence_app USING (true) WITH CHECK (true);

CREATE POLICY service ON public.vnfm TO ringfence_app USING (true) WITH CHECK (true);

ALTER TABLE public.standing_constraint ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.trust_domain ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.trust_relation ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.violation ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.vnf_grant ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.vnf_instance_params ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.vnf_package ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.vnf_package_chunk ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.vnf_profile ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.vnfm ENABLE ROW LEVEL SECURITY;

GRANT USAGE ON SCHEMA public TO ringfence_app;
GRANT USAGE ON SCHEMA public TO ringfence_caller;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.trust_domain TO ringfence_app;
GRANT SELECT ON TABLE public.trust_domain TO ringfence_caller;

REVOKE ALL ON FUNCTION public.hidden_trust_domains() FROM PUBLIC;
GRANT ALL ON FUNCTION public.hidden_trust_domains() TO ringfence_caller;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.host_pool TO ringfence_app;
GRANT SELECT ON TABLE public.host_pool TO ringfence_caller;

REVOKE ALL ON FUNCTION public.hidden_host_pools() FROM PUBLIC;
GRANT ALL ON FUNCTION public.hidden_host_pools() TO ringfence_caller;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.host TO ringfence_app;
GRANT SELECT ON TABLE public.host TO ringfence_caller;

REVOKE ALL ON FUNCTION public.hidden_hosts() FROM PUBLIC;
GRANT ALL ON FUNCTION public.hidden_hosts() TO ringfence_caller;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.vnf_profile TO ringfence_app;
GRANT SELECT ON TABLE public.vnf_profile TO ringfence_caller;

REVOKE ALL ON FUNCTION public.hidden_vnf_profiles() FROM PUBLIC;
GRANT ALL ON FUNCTION public.hidden_vnf_profiles() TO ringfence_caller;

REVOKE ALL ON FUNCTION public.hidden_images() FROM PUBLIC;
GRANT ALL ON FUNCTION public.hidden_images() TO ringfence_caller;

REVOKE ALL ON FUNCTION public.hidden_names() FROM PUBLIC;
GRANT ALL ON FUNCTION public.hidden_names() TO ringfence_caller;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.residency TO ringfence_app;
GRANT SELECT ON TABLE public.residency TO ringfence_caller;

REVOKE ALL ON FUNCTION public.hidden_residency(residency_id text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.hidden_residency(residency_id text) TO ringfence_caller;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.vnf_instance_params TO ringfence_app;

GRANT SELECT(vnf_instance_id) ON TABLE public.vnf_instance_params TO ringfence_caller;

GRANT SELECT(client_id) ON TABLE public.vnf_instance_params TO ringfence_caller;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.directory TO ringfence_app;
GRANT SELECT ON TABLE public.directory TO ringfence_caller;

GRANT SELECT,INSERT ON TABLE public.vnf_grant TO ringfence_app;
GRANT SELECT ON TABLE public.vnf_grant TO ringfence_caller;

REVOKE ALL ON FUNCTION public.owns_grant(grant_id text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.owns_grant(grant_id text) TO ringfence_caller;

GRANT SELECT,INSERT ON TABLE public.access_refusal TO ringfence_app;
GRANT SELECT ON TABLE public.access_refusal TO ringfence_caller;

GRANT SELECT,INSERT ON TABLE public.attestation_record TO ringfence_app;
GRANT SELECT ON TABLE public.attestation_record TO ringfence_caller;

GRANT SELECT,INSERT ON TABLE public.audit_record TO ringfence_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.cache_entry TO ringfence_app;
GRANT SELECT ON TABLE public.cache_entry TO ringfence_caller;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.cache_order TO ringfence_app;

GRANT SELECT,INSERT ON TABLE public.change_feed TO ringfence_app;

GRANT SELECT,INSERT,DELETE ON TABLE public.claim TO ringfence_app;

GRANT SELECT,INSERT ON TABLE public.decision TO ringfence_app;
GRANT SELECT ON TABLE public.decision TO ringfence_caller;

GRANT SELECT,INSERT ON TABLE public.directive TO ringfence_app;

GRANT SELECT(host_id) ON TABLE public.directive TO ringfence_caller;

GRANT SELECT(kind) ON TABLE public.directive TO ringfence_caller;

GRANT SELECT(vim_connection_id) ON TABLE public.directive TO ringfence_caller;

GRANT UPDATE(ack_outcome) ON TABLE public.directive TO ringfence_app;
GRANT SELECT(ack_outcome) ON TABLE public.directive TO ringfence_caller;

GRANT UPDATE(ack_detail) ON TABLE public.directive TO ringfence_app;

GRANT UPDATE(acked_by) ON TABLE public.directive TO ringfence_app;

GRANT UPDATE(acked_at) ON TABLE public.directive TO ringfence_app;

GRANT SELECT,INSERT,UPDATE ON TABLE public.directive_follower TO ringfence_app;

GRANT SELECT,INSERT,UPDATE ON TABLE public.enforcement_mode TO ringfence_app;
GRANT SELECT ON TABLE public.enforcement_mode TO ringfence_caller;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.host_ext_capacity TO ringfence_app;
GRANT SELECT ON TABLE public.host_ext_capacity TO ringfence_caller;

GRANT SELECT,INSERT,UPDATE ON TABLE public.idempotency TO ringfence_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.image TO ringfence_app;
GRANT SELECT ON TABLE public.image TO ringfence_caller;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.nfvi_pop TO ringfence_app;
GRANT SELECT ON TABLE public.nfvi_pop TO ringfence_caller;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.observed_cache TO ringfence_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.observed_residency TO ringfence_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.observed_state TO ringfence_app;

GRANT SELECT,INSERT ON TABLE public.pending_change TO ringfence_app;
GRANT SELECT ON TABLE public.pending_change TO ringfence_caller;

GRANT UPDATE(state) ON TABLE public.pending_change TO ringfence_app;

GRANT UPDATE(decided_by) ON TABLE public.pending_change TO ringfence_app;

GRANT UPDATE(decided_at) ON TABLE public.pending_change TO ringfence_app;

GRANT UPDATE(decision_reason) ON TABLE public.pending_change TO ringfence_app;

GRANT UPDATE(break_glass_reason) ON TABLE public.pending_change TO ringfence_app;

GRANT UPDATE(break_glass_until) ON TABLE public.pending_change TO ringfence_app;

GRANT UPDATE(confirmed_by) ON TABLE public.pending_change TO ringfence_app;

GRANT UPDATE(revision) ON TABLE public.pending_change TO ringfence_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.pending_grant TO ringfence_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.policy TO ringfence_app;
GRANT SELECT ON TABLE public.policy TO ringfence_caller;

GRANT SELECT,INSERT,DELETE ON TABLE public.policy_conflict TO ringfence_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.policy_delivery TO ringfence_app;
GRANT SELECT ON TABLE public.policy_delivery TO ringfence_caller;

GRANT SELECT,UPDATE ON TABLE public.policy_epoch TO ringfence_app;
GRANT SELECT ON TABLE public.policy_epoch TO ringfence_caller;

GRANT SELECT,INSERT,DELETE ON TABLE public.policy_event TO ringfence_app;
GRANT SELECT ON TABLE public.policy_event TO ringfence_caller;

GRANT SELECT,INSERT,DELETE ON TABLE public.policy_subscription TO ringfence_app;

GRANT SELECT(id) ON TABLE public.policy_subscription TO ringfence_caller;

GRANT SELECT(client_id) ON TABLE public.policy_subscription TO ringfence_caller;

GRANT SELECT(callback_uri) ON TABLE public.policy_subscription TO ringfence_caller;

GRANT SELECT(notification_types) ON TABLE public.policy_subscription TO ringfence_caller;

GRANT SELECT(policy_ids) ON TABLE public.policy_subscription TO ringfence_caller;

GRANT SELECT(change_types) ON TABLE public.policy_subscription TO ringfence_caller;

GRANT UPDATE(user_name) ON TABLE public.policy_subscription TO ringfence_app;
GRANT SELECT(user_name) ON TABLE public.policy_subscription TO ringfence_caller;

GRANT UPDATE(password) ON TABLE public.policy_subscription TO ringfence_app;

GRANT UPDATE(failing_since) ON TABLE public.policy_subscription TO ringfence_app;
GRANT SELECT(failing_since) ON TABLE public.policy_subscription TO ringfence_caller;

GRANT UPDATE(suspended_at) ON TABLE public.policy_subscription TO ringfence_app;
GRANT SELECT(suspended_at) ON TABLE public.policy_subscription TO ringfence_caller;

GRANT UPDATE(auth_types) ON TABLE public.policy_subscription TO ringfence_app;
GRANT SELECT(auth_types) ON TABLE public.policy_subscription TO ringfence_caller;

GRANT UPDATE(token_endpoint) ON TABLE public.policy_subscription TO ringfence_app;
GRANT SELECT(token_endpoint) ON TABLE public.policy_subscription TO ringfence_caller;

GRANT UPDATE(oauth_client_id) ON TABLE public.policy_subscription TO ringfence_app;
GRANT SELECT(oauth_client_id) ON TABLE public.policy_subscription TO ringfence_caller;

GRANT UPDATE(oauth_secret) ON TABLE public.policy_subscription TO ringfence_app;

GRANT UPDATE(secrets) ON TABLE public.policy_subscription TO ringfence_app;

GRANT SELECT,INSERT,DELETE ON TABLE public.policy_version TO ringfence_app;
GRANT SELECT ON TABLE public.policy_version TO ringfence_caller;

GRANT SELECT,INSERT,DELETE ON TABLE public.residency_claim TO ringfence_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.residue TO ringfence_app;
GRANT SELECT ON TABLE public.residue TO ringfence_caller;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.resource_zone TO ringfence_app;
GRANT SELECT ON TABLE public.resource_zone TO ringfence_caller;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.runtime_class TO ringfence_app;
GRANT SELECT ON TABLE public.runtime_class TO ringfence_caller;

GRANT SELECT ON TABLE public.schema_migrations TO ringfence_app;

GRANT SELECT,INSERT,UPDATE ON TABLE public.scope_lock TO ringfence_app;

GRANT SELECT,INSERT ON TABLE public.scrub_record TO ringfence_app;
GRANT SELECT ON TABLE public.scrub_record TO ringfence_caller;

GRANT SELECT,INSERT,DELETE ON TABLE public.standing_constraint TO ringfence_app;
GRANT SELECT ON TABLE public.standing_constraint TO ringfence_caller;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.trust_relation TO ringfence_app;
GRANT SELECT ON TABLE public.trust_relation TO ringfence_caller;

GRANT SELECT,INSERT,UPDATE ON TABLE public.upstream_grant TO ringfence_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.violation TO ringfence_app;
GRANT SELECT ON TABLE public.violation TO ringfence_caller;

GRANT SELECT,UPDATE ON TABLE public.violation_check TO ringfence_app;

GRANT SELECT,INSERT,UPDATE ON TABLE public.vnf_lcm_operation TO ringfence_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.vnf_package TO ringfence_app;
GRANT SELECT ON TABLE public.vnf_package TO ringfence_caller;

GRANT SELECT,INSERT,DELETE ON TABLE public.vnf_package_chunk TO ringfence_app;
GRANT SELECT ON TABLE public.vnf_package_chunk TO ringfence_caller;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.vnfm TO ringfence_app;
GRANT SELECT ON TABLE public.vnfm TO ringfence_caller;
