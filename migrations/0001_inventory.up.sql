-- The inventory, the policies, the change feed and the policy epoch.
--
-- Portable subset: no triggers, no exclusion or deferrable constraints. Tables that a placement decision writes have
-- nfvi_pop_id first in every key; foreign keys between them are composite and each is added by an ALTER TABLE of its
-- own, so that a deployment on several nodes can distribute the tables before it adds them.
--
-- Identifiers have COLLATE "C": they sort as Go sorts them, which lock order and paging rely on, whatever the
-- database's own collation. nfvi_pop_id has none, everywhere: its order matters in Go only.

BEGIN;

-- Roles

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'ringfence_app') THEN
        CREATE ROLE ringfence_app NOLOGIN;
    END IF;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN NULL; -- another database of this server was migrated just now
END
$$;

-- Reference tables: small, changed rarely, and only under the exclusive epoch lock

CREATE TABLE trust_domain (
    id                         text COLLATE "C" NOT NULL,
    name                       text             NOT NULL DEFAULT '',
    owner_plmn                 text             NOT NULL DEFAULT '',
    admin_domain               text             NOT NULL DEFAULT '',
    category                   text             NOT NULL,
    sensitivity                smallint         NOT NULL,
    security_critical          boolean          NOT NULL DEFAULT false,
    exclusive                  boolean          NOT NULL DEFAULT false,
    requires_physical_security boolean          NOT NULL DEFAULT false,
    allowed_countries          text[],
    max_attestation_age        bigint           NOT NULL DEFAULT 0,
    min_isolation              text             NOT NULL DEFAULT 'NONE',
    snssais                    text[]           NOT NULL DEFAULT '{}',
    parent_id                  text COLLATE "C" NOT NULL DEFAULT '',
    revision                   bigint           NOT NULL DEFAULT 1,
    CONSTRAINT trust_domain_pk PRIMARY KEY (id),
    CONSTRAINT trust_domain_id_ck CHECK (id <> '' AND id NOT LIKE '%:%'),
    CONSTRAINT trust_domain_category_ck CHECK (category IN ('USER_PLANE', 'CONTROL_PLANE', 'SECURITY_ANCHOR',
        'SUBSCRIBER_DATA', 'INTERCONNECT', 'EXPOSURE', 'IMS', 'RAN', 'LI', 'OVERSIGHT', 'TEST', 'THIRD_PARTY')),
    CONSTRAINT trust_domain_sensitivity_ck CHECK (sensitivity BETWEEN 0 AND 4),
    CONSTRAINT trust_domain_attestation_age_ck CHECK (max_attestation_age >= 0),
    CONSTRAINT trust_domain_isolation_ck CHECK (min_isolation IN ('NONE', 'OS_CONTAINER', 'SANDBOX', 'VM', 'CONFIDENTIAL_VM')),
    CONSTRAINT trust_domain_parent_ck CHECK (parent_id <> id)
);
COMMENT ON TABLE trust_domain IS 'Sets of network functions that trust each other, with the attributes by which the policy judges them.';
COMMENT ON COLUMN trust_domain.id IS 'Identifier chosen by the operator, such as TD-UP. No colon: from:to names a relation in the change feed.';
COMMENT ON COLUMN trust_domain.name IS 'Name for people.';
COMMENT ON COLUMN trust_domain.owner_plmn IS 'PLMN of the owner, MCC-MNC.';
COMMENT ON COLUMN trust_domain.admin_domain IS 'Administrative domain (tenant).';
COMMENT ON COLUMN trust_domain.category IS 'What the domain is for.';
COMMENT ON COLUMN trust_domain.sensitivity IS 'From 0, lowest, to 4.';
COMMENT ON COLUMN trust_domain.security_critical IS 'A security critical function.';
COMMENT ON COLUMN trust_domain.exclusive IS 'No waiver applies between this domain and another.';
COMMENT ON COLUMN trust_domain.requires_physical_security IS 'Only on physically secure hosts.';
COMMENT ON COLUMN trust_domain.allowed_countries IS 'ISO 3166-1 alpha-2; null: any country, empty: none.';
COMMENT ON COLUMN trust_domain.max_attestation_age IS 'Oldest attestation of a host, in nanoseconds; 0: not stated.';
COMMENT ON COLUMN trust_domain.min_isolation IS 'Least isolation; NONE: not stated.';
COMMENT ON COLUMN trust_domain.snssais IS 'Network slices.';
COMMENT ON COLUMN trust_domain.parent_id IS 'Domain whose rules it inherits; empty: none. The import may name a parent that follows, so no foreign key: the writer checks it under the epoch lock.';
COMMENT ON COLUMN trust_domain.revision IS 'Grows with every change; the ETag.';

CREATE TABLE trust_relation (
    from_id  text COLLATE "C" NOT NULL,
    to_id    text COLLATE "C" NOT NULL,
    handling text             NOT NULL,
    revision bigint           NOT NULL DEFAULT 1,
    CONSTRAINT trust_relation_pk PRIMARY KEY (from_id, to_id),
    CONSTRAINT trust_relation_handling_ck CHECK (handling IN ('NONE', 'PROTECTED', 'BORDER')),
    CONSTRAINT trust_relation_self_ck CHECK (from_id <> to_id)
);
ALTER TABLE trust_relation ADD CONSTRAINT trust_relation_from_fk FOREIGN KEY (from_id) REFERENCES trust_domain (id);
ALTER TABLE trust_relation ADD CONSTRAINT trust_relation_to_fk FOREIGN KEY (to_id) REFERENCES trust_domain (id);
COMMENT ON TABLE trust_relation IS 'Declared handling of traffic from one trust domain to another; an undeclared direction is BORDER.';
COMMENT ON COLUMN trust_relation.from_id IS 'Trust domain that the traffic comes from.';
COMMENT ON COLUMN trust_relation.to_id IS 'Trust domain that it goes to.';
COMMENT ON COLUMN trust_relation.handling IS 'How the traffic is handled.';
COMMENT ON COLUMN trust_relation.revision IS 'Grows with every change; the ETag.';

CREATE TABLE nfvi_pop (
    id       text   NOT NULL,
    country  text   NOT NULL DEFAULT '',
    revision bigint NOT NULL DEFAULT 1,
    CONSTRAINT nfvi_pop_pk PRIMARY KEY (id),
    CONSTRAINT nfvi_pop_id_ck CHECK (id NOT IN ('', '-'))
);
COMMENT ON TABLE nfvi_pop IS 'Points of presence of the NFV infrastructure.';
COMMENT ON COLUMN nfvi_pop.id IS 'Identifier; "-" is kept for what belongs to no NFVI-PoP.';
COMMENT ON COLUMN nfvi_pop.country IS 'ISO 3166-1 alpha-2; empty: unknown.';
COMMENT ON COLUMN nfvi_pop.revision IS 'Grows with every change; the ETag.';

CREATE TABLE resource_zone (
    id             text COLLATE "C" NOT NULL,
    nfvi_pop_id    text             NOT NULL,
    zone_group_ids text[]           NOT NULL DEFAULT '{}',
    revision       bigint           NOT NULL DEFAULT 1,
    CONSTRAINT resource_zone_pk PRIMARY KEY (id),
    CONSTRAINT resource_zone_pop_uq UNIQUE (nfvi_pop_id, id),
    CONSTRAINT resource_zone_id_ck CHECK (id <> '')
);
ALTER TABLE resource_zone ADD CONSTRAINT resource_zone_nfvi_pop_fk FOREIGN KEY (nfvi_pop_id) REFERENCES nfvi_pop (id);
COMMENT ON TABLE resource_zone IS 'Parts of an NFVI-PoP that fail on their own (SOL003, ZoneInfo).';
COMMENT ON COLUMN resource_zone.id IS 'Identifier, unique over all NFVI-PoPs.';
COMMENT ON COLUMN resource_zone.nfvi_pop_id IS 'NFVI-PoP that the zone is in.';
COMMENT ON COLUMN resource_zone.zone_group_ids IS 'Zone groups that it belongs to.';
COMMENT ON COLUMN resource_zone.revision IS 'Grows with every change; the ETag.';

CREATE TABLE host_pool (
    id                       text COLLATE "C" NOT NULL,
    allowed_trust_domain_ids text[]           NOT NULL DEFAULT '{}',
    fabric_digests           text[]           NOT NULL DEFAULT '{}',
    revision                 bigint           NOT NULL DEFAULT 1,
    CONSTRAINT host_pool_pk PRIMARY KEY (id),
    CONSTRAINT host_pool_id_ck CHECK (id <> '')
);
COMMENT ON TABLE host_pool IS 'Sets of hosts that may run the same trust domains.';
COMMENT ON COLUMN host_pool.id IS 'Identifier.';
COMMENT ON COLUMN host_pool.allowed_trust_domain_ids IS 'Trust domains that may run on the hosts of the pool.';
COMMENT ON COLUMN host_pool.fabric_digests IS 'Artefacts that may be FABRIC residents there.';
COMMENT ON COLUMN host_pool.revision IS 'Grows with every change; the ETag.';

CREATE TABLE runtime_class (
    name      text COLLATE "C" NOT NULL,
    isolation text             NOT NULL,
    overhead  jsonb            NOT NULL DEFAULT '{}',
    revision  bigint           NOT NULL DEFAULT 1,
    CONSTRAINT runtime_class_pk PRIMARY KEY (name),
    CONSTRAINT runtime_class_name_ck CHECK (name <> ''),
    CONSTRAINT runtime_class_isolation_ck CHECK (isolation IN ('NONE', 'OS_CONTAINER', 'SANDBOX', 'VM', 'CONFIDENTIAL_VM'))
);
COMMENT ON TABLE runtime_class IS 'Ways to run a pod or VM: one meaning of a name over the whole fleet.';
COMMENT ON COLUMN runtime_class.name IS 'Name, as Kubernetes uses it.';
COMMENT ON COLUMN runtime_class.isolation IS 'Isolation that it gives.';
COMMENT ON COLUMN runtime_class.overhead IS 'What one pod uses beside its containers: capacity dimension to amount.';
COMMENT ON COLUMN runtime_class.revision IS 'Grows with every change; the ETag.';

CREATE TABLE image (
    digest           text COLLATE "C" NOT NULL,
    reference        text             NOT NULL DEFAULT '',
    kind             text             NOT NULL,
    layers           jsonb            NOT NULL DEFAULT '[]',
    sensitivity      smallint         NOT NULL DEFAULT 0,
    contains_secrets boolean          NOT NULL DEFAULT false,
    public_base      boolean          NOT NULL DEFAULT false,
    signature        text             NOT NULL DEFAULT '',
    revision         bigint           NOT NULL DEFAULT 1,
    CONSTRAINT image_pk PRIMARY KEY (digest),
    CONSTRAINT image_digest_ck CHECK (digest <> ''),
    CONSTRAINT image_kind_ck CHECK (kind IN ('CONTAINER_IMAGE', 'VM_IMAGE', 'SNAPSHOT', 'CHECKPOINT', 'VM_TEMPLATE', 'HELM_CHART', 'MODEL')),
    CONSTRAINT image_sensitivity_ck CHECK (sensitivity BETWEEN 0 AND 4)
);
COMMENT ON TABLE image IS 'Artefacts that a host may keep in its cache.';
COMMENT ON COLUMN image.digest IS 'Digest of the artefact, such as sha256:...';
COMMENT ON COLUMN image.reference IS 'name:tag in the registry.';
COMMENT ON COLUMN image.kind IS 'What the artefact is.';
COMMENT ON COLUMN image.layers IS 'Layers in order: digest, diffId, sizeBytes.';
COMMENT ON COLUMN image.sensitivity IS 'From 0, lowest, to 4.';
COMMENT ON COLUMN image.contains_secrets IS 'Judged as key material by cache rules.';
COMMENT ON COLUMN image.public_base IS 'May lie in a shared cache.';
COMMENT ON COLUMN image.signature IS 'Stored signature.';
COMMENT ON COLUMN image.revision IS 'Grows with every change; the ETag.';

CREATE TABLE vnf_profile (
    vnfd_id         text COLLATE "C" NOT NULL,
    nf_type         text             NOT NULL DEFAULT '',
    trust_domain_id text COLLATE "C" NOT NULL,
    components      jsonb            NOT NULL DEFAULT '[]',
    revision        bigint           NOT NULL DEFAULT 1,
    CONSTRAINT vnf_profile_pk PRIMARY KEY (vnfd_id),
    CONSTRAINT vnf_profile_id_ck CHECK (vnfd_id <> '')
);
COMMENT ON TABLE vnf_profile IS 'What the policy needs to know of a VNFD.';
COMMENT ON COLUMN vnf_profile.vnfd_id IS 'Identifier of the VNFD.';
COMMENT ON COLUMN vnf_profile.nf_type IS '3GPP NF type; an open vocabulary.';
COMMENT ON COLUMN vnf_profile.trust_domain_id IS 'Trust domain of its components, unless they say otherwise.';
COMMENT ON COLUMN vnf_profile.components IS 'Sub-functions with their interfaces, as the inventory document spells them.';
COMMENT ON COLUMN vnf_profile.revision IS 'Grows with every change; the ETag.';

-- Hosts and what is on them

CREATE TABLE host (
    nfvi_pop_id                 text             NOT NULL,
    id                          text COLLATE "C" NOT NULL,
    host_pool_id                text COLLATE "C",
    resource_zone_id            text COLLATE "C",
    rack_id                     text             NOT NULL DEFAULT '',
    country                     text             NOT NULL DEFAULT '',
    physically_secure           boolean          NOT NULL DEFAULT false,
    exposed_edge                boolean          NOT NULL DEFAULT false,
    third_party_hosted          boolean          NOT NULL DEFAULT false,
    hypervisor_class            text             NOT NULL DEFAULT 'NONE',
    runtimes                    text[]           NOT NULL DEFAULT '{}',
    capabilities                text[]           NOT NULL DEFAULT '{}',
    attested_capabilities       text[]           NOT NULL DEFAULT '{}',
    labels                      jsonb            NOT NULL DEFAULT '{}',
    cis_nodes                   jsonb            NOT NULL DEFAULT '[]',
    vim_connection_id           text             NOT NULL DEFAULT '',
    vim_zone_id                 text             NOT NULL DEFAULT '',
    lifecycle                   text             NOT NULL DEFAULT 'REGISTERED',
    lifecycle_reason            text             NOT NULL DEFAULT '',
    dedicated_identity          text,
    dedicated_id                text,
    attestation_state           text             NOT NULL DEFAULT 'UNKNOWN',
    attestation_verifier        text             NOT NULL DEFAULT '',
    attestation_evidence_digest text             NOT NULL DEFAULT '',
    attested_at                 timestamptz,
    attestation_valid_until     timestamptz,
    location                    jsonb            NOT NULL DEFAULT '{}',
    cpu_millis_total            bigint           NOT NULL DEFAULT 0,
    cpu_millis_used             bigint           NOT NULL DEFAULT 0,
    memory_mib_total            bigint           NOT NULL DEFAULT 0,
    memory_mib_used             bigint           NOT NULL DEFAULT 0,
    ephemeral_storage_mib_total bigint           NOT NULL DEFAULT 0,
    ephemeral_storage_mib_used  bigint           NOT NULL DEFAULT 0,
    hugepages_2mi_total         bigint           NOT NULL DEFAULT 0,
    hugepages_2mi_used          bigint           NOT NULL DEFAULT 0,
    hugepages_1gi_total         bigint           NOT NULL DEFAULT 0,
    hugepages_1gi_used          bigint           NOT NULL DEFAULT 0,
    sriov_vfs_total             bigint           NOT NULL DEFAULT 0,
    sriov_vfs_used              bigint           NOT NULL DEFAULT 0,
    gpus_total                  bigint           NOT NULL DEFAULT 0,
    gpus_used                   bigint           NOT NULL DEFAULT 0,
    tee_guests_total            bigint           NOT NULL DEFAULT 0,
    tee_guests_used             bigint           NOT NULL DEFAULT 0,
    gen                         bigint           NOT NULL DEFAULT 0,
    directive_seq               bigint           NOT NULL DEFAULT 0,
    changed_txid                xid8             NOT NULL DEFAULT pg_current_xact_id(),
    revision                    bigint           NOT NULL DEFAULT 1,
    CONSTRAINT host_pk PRIMARY KEY (nfvi_pop_id, id),
    CONSTRAINT host_id_ck CHECK (id <> ''),
    CONSTRAINT host_hypervisor_ck CHECK (hypervisor_class IN ('NONE', 'TYPE1', 'TYPE2')),
    CONSTRAINT host_lifecycle_ck CHECK (lifecycle IN ('REGISTERED', 'IN_SERVICE', 'CORDONED', 'SCRUBBING', 'QUARANTINED', 'RETIRED')),
    CONSTRAINT host_dedication_ck CHECK ((dedicated_identity IS NULL) = (dedicated_id IS NULL)
        AND dedicated_identity IN ('NF_INSTANCE', 'TRUST_DOMAIN', 'TENANT')),
    CONSTRAINT host_attestation_ck CHECK (attestation_state IN ('TRUSTED', 'UNTRUSTED', 'UNKNOWN')
        AND (attestation_state = 'UNKNOWN' OR attested_at IS NOT NULL)),
    CONSTRAINT host_total_ck CHECK (cpu_millis_total >= 0 AND memory_mib_total >= 0 AND ephemeral_storage_mib_total >= 0
        AND hugepages_2mi_total >= 0 AND hugepages_1gi_total >= 0 AND sriov_vfs_total >= 0 AND gpus_total >= 0 AND tee_guests_total >= 0),
    CONSTRAINT host_used_ck CHECK (cpu_millis_used >= 0 AND memory_mib_used >= 0 AND ephemeral_storage_mib_used >= 0
        AND hugepages_2mi_used >= 0 AND hugepages_1gi_used >= 0 AND sriov_vfs_used >= 0 AND gpus_used >= 0 AND tee_guests_used >= 0),
    CONSTRAINT host_counters_ck CHECK (gen >= 0 AND directive_seq >= 0)
) WITH (fillfactor = 70); -- room for the new version of a row beside the old one: every grant changes its hosts' use, and no index
ALTER TABLE host ADD CONSTRAINT host_nfvi_pop_fk FOREIGN KEY (nfvi_pop_id) REFERENCES nfvi_pop (id);
ALTER TABLE host ADD CONSTRAINT host_resource_zone_fk FOREIGN KEY (nfvi_pop_id, resource_zone_id) REFERENCES resource_zone (nfvi_pop_id, id);
ALTER TABLE host ADD CONSTRAINT host_host_pool_fk FOREIGN KEY (host_pool_id) REFERENCES host_pool (id);
CREATE INDEX host_host_pool_ix ON host (host_pool_id);
CREATE INDEX host_resource_zone_ix ON host (resource_zone_id);
COMMENT ON TABLE host IS 'Physical servers (SOL003 scope NFVI_NODE). A row is locked FOR NO KEY UPDATE by whoever changes it or anything on it, after the epoch lock and ascending by (nfvi_pop_id, id).';
COMMENT ON COLUMN host.nfvi_pop_id IS 'NFVI-PoP that the host stands in.';
COMMENT ON COLUMN host.id IS 'Identifier, unique over all NFVI-PoPs (table directory).';
COMMENT ON COLUMN host.host_pool_id IS 'Host pool; null: none, so nothing is permitted there.';
COMMENT ON COLUMN host.resource_zone_id IS 'Resource zone; null: none.';
COMMENT ON COLUMN host.rack_id IS 'Rack; empty: unknown.';
COMMENT ON COLUMN host.country IS 'ISO 3166-1 alpha-2; empty: that of the NFVI-PoP.';
COMMENT ON COLUMN host.physically_secure IS 'Stands in a physically secure site.';
COMMENT ON COLUMN host.exposed_edge IS 'Stands at an exposed edge site.';
COMMENT ON COLUMN host.third_party_hosted IS 'Stands in a site of a third party.';
COMMENT ON COLUMN host.hypervisor_class IS 'What the VMs of the host run on.';
COMMENT ON COLUMN host.runtimes IS 'Names of runtime classes that the host''s own kernel offers, sorted.';
COMMENT ON COLUMN host.capabilities IS 'Security-relevant abilities.';
COMMENT ON COLUMN host.attested_capabilities IS 'The part of capabilities that the attestation proves.';
COMMENT ON COLUMN host.labels IS 'Free labels.';
COMMENT ON COLUMN host.cis_nodes IS 'CIS nodes on the host, ascending by id, as the inventory document spells them.';
COMMENT ON COLUMN host.vim_connection_id IS 'VIM connection that the host is reached by.';
COMMENT ON COLUMN host.vim_zone_id IS 'What ZoneInfo.zoneId of a grant says for this host.';
COMMENT ON COLUMN host.lifecycle IS 'State in operation; only IN_SERVICE hosts are candidates.';
COMMENT ON COLUMN host.lifecycle_reason IS 'Why it is not in service; "attestation" when a lost attestation quarantined it.';
COMMENT ON COLUMN host.dedicated_identity IS 'By what a dedicated host tells its own from others; null: not dedicated.';
COMMENT ON COLUMN host.dedicated_id IS 'The NF instance, trust domain or tenant that the host is dedicated to.';
COMMENT ON COLUMN host.attestation_state IS 'Newest verdict of a verifier.';
COMMENT ON COLUMN host.attestation_verifier IS 'Who gave the verdict.';
COMMENT ON COLUMN host.attestation_evidence_digest IS 'Digest of the evidence that the verdict rests on.';
COMMENT ON COLUMN host.attested_at IS 'Time of the verdict.';
COMMENT ON COLUMN host.attestation_valid_until IS 'End of its validity; null: not stated.';
COMMENT ON COLUMN host.location IS 'Who claims where the host stands (source), and when (assertedAt).';
COMMENT ON COLUMN host.cpu_millis_total IS 'Capacity, dimension cpuMillis.';
COMMENT ON COLUMN host.cpu_millis_used IS 'Sum over the residencies of the host with the overhead of their runtime classes, kept by every writer of residencies. May exceed the total: what is imported or observed is recorded as it is, and capacity may shrink. A grant can never make it so, because the commit''s UPDATE demands used + asked <= total; a CHECK against the total would refuse the facts instead.';
COMMENT ON COLUMN host.memory_mib_total IS 'Capacity, dimension memoryMiB.';
COMMENT ON COLUMN host.memory_mib_used IS 'In use, as cpu_millis_used.';
COMMENT ON COLUMN host.ephemeral_storage_mib_total IS 'Capacity, dimension ephemeralStorageMiB.';
COMMENT ON COLUMN host.ephemeral_storage_mib_used IS 'In use, as cpu_millis_used.';
COMMENT ON COLUMN host.hugepages_2mi_total IS 'Capacity, dimension hugePages2Mi.';
COMMENT ON COLUMN host.hugepages_2mi_used IS 'In use, as cpu_millis_used.';
COMMENT ON COLUMN host.hugepages_1gi_total IS 'Capacity, dimension hugePages1Gi.';
COMMENT ON COLUMN host.hugepages_1gi_used IS 'In use, as cpu_millis_used.';
COMMENT ON COLUMN host.sriov_vfs_total IS 'Capacity, dimension sriovVfs.';
COMMENT ON COLUMN host.sriov_vfs_used IS 'In use, as cpu_millis_used.';
COMMENT ON COLUMN host.gpus_total IS 'Capacity, dimension gpus.';
COMMENT ON COLUMN host.gpus_used IS 'In use, as cpu_millis_used.';
COMMENT ON COLUMN host.tee_guests_total IS 'Capacity, dimension teeGuests.';
COMMENT ON COLUMN host.tee_guests_used IS 'In use, as cpu_millis_used.';
COMMENT ON COLUMN host.gen IS 'Grows with every change of the host or of what is on it.';
COMMENT ON COLUMN host.directive_seq IS 'Number of the last directive to the host; without gaps.';
COMMENT ON COLUMN host.changed_txid IS 'Transaction that last changed the host or anything on it. A writer that finds a later one than its own starts again: the order of the change feed is then the order of the changes.';
COMMENT ON COLUMN host.revision IS 'Grows with every change of the record itself; the ETag.';

CREATE TABLE host_ext_capacity (
    nfvi_pop_id text             NOT NULL,
    host_id     text COLLATE "C" NOT NULL,
    dimension   text COLLATE "C" NOT NULL,
    total       bigint           NOT NULL DEFAULT 0,
    used        bigint           NOT NULL DEFAULT 0,
    CONSTRAINT host_ext_capacity_pk PRIMARY KEY (nfvi_pop_id, host_id, dimension),
    CONSTRAINT host_ext_capacity_dimension_ck CHECK (dimension LIKE 'ext._%'),
    CONSTRAINT host_ext_capacity_amount_ck CHECK (total >= 0 AND used >= 0)
);
ALTER TABLE host_ext_capacity ADD CONSTRAINT host_ext_capacity_host_fk FOREIGN KEY (nfvi_pop_id, host_id) REFERENCES host (nfvi_pop_id, id);
COMMENT ON TABLE host_ext_capacity IS 'Capacity of a host in the dimensions that an operator defines (ext.NAME).';
COMMENT ON COLUMN host_ext_capacity.nfvi_pop_id IS 'NFVI-PoP of the host.';
COMMENT ON COLUMN host_ext_capacity.host_id IS 'Host.';
COMMENT ON COLUMN host_ext_capacity.dimension IS 'Capacity dimension, ext.NAME.';
COMMENT ON COLUMN host_ext_capacity.total IS 'Capacity; 0 where a resident uses a dimension that the host does not declare.';
COMMENT ON COLUMN host_ext_capacity.used IS 'In use, as host.cpu_millis_used.';

CREATE TABLE residue (
    nfvi_pop_id     text             NOT NULL,
    host_id         text COLLATE "C" NOT NULL,
    id              text COLLATE "C" NOT NULL,
    trust_domain_id text COLLATE "C" NOT NULL,
    nf_instance     text COLLATE "C" NOT NULL DEFAULT '',
    since           timestamptz      NOT NULL,
    below_vm        boolean          NOT NULL,
    device          boolean          NOT NULL,
    CONSTRAINT residue_pk PRIMARY KEY (nfvi_pop_id, host_id, id),
    CONSTRAINT residue_source_uq UNIQUE (nfvi_pop_id, host_id, trust_domain_id, nf_instance, below_vm, device)
);
COMMENT ON TABLE residue IS 'What former residents may have left on a host. Outlives the host''s record, because registering a server anew does not clean it: no foreign key.';
COMMENT ON COLUMN residue.nfvi_pop_id IS 'NFVI-PoP of the host.';
COMMENT ON COLUMN residue.host_id IS 'Host.';
COMMENT ON COLUMN residue.id IS 'Identifier on the host.';
COMMENT ON COLUMN residue.trust_domain_id IS 'Trust domain of the former resident.';
COMMENT ON COLUMN residue.nf_instance IS 'NF instance of the former resident; empty: unknown.';
COMMENT ON COLUMN residue.since IS 'End of the latest resident that left this.';
COMMENT ON COLUMN residue.below_vm IS 'The resident was separated by less than a VM.';
COMMENT ON COLUMN residue.device IS 'A cut-through device was handed back.';

CREATE TABLE attestation_record (
    nfvi_pop_id           text             NOT NULL,
    host_id               text COLLATE "C" NOT NULL,
    id                    bigint           GENERATED ALWAYS AS IDENTITY,
    state                 text             NOT NULL,
    verifier              text             NOT NULL,
    evidence_digest       text             NOT NULL,
    attested_at           timestamptz      NOT NULL,
    valid_until           timestamptz,
    attested_capabilities text[]           NOT NULL DEFAULT '{}',
    recorded_at           timestamptz      NOT NULL DEFAULT statement_timestamp(),
    actor_id              text             NOT NULL,
    CONSTRAINT attestation_record_pk PRIMARY KEY (nfvi_pop_id, host_id, id),
    CONSTRAINT attestation_record_state_ck CHECK (state IN ('TRUSTED', 'UNTRUSTED', 'UNKNOWN'))
);
COMMENT ON TABLE attestation_record IS 'Verdicts of verifiers on hosts, append-only. Evidence outlives the host''s record: no foreign key.';
COMMENT ON COLUMN attestation_record.nfvi_pop_id IS 'NFVI-PoP of the host.';
COMMENT ON COLUMN attestation_record.host_id IS 'Host.';
COMMENT ON COLUMN attestation_record.id IS 'Number of the record.';
COMMENT ON COLUMN attestation_record.state IS 'Verdict.';
COMMENT ON COLUMN attestation_record.verifier IS 'Who gave it.';
COMMENT ON COLUMN attestation_record.evidence_digest IS 'Digest of the evidence.';
COMMENT ON COLUMN attestation_record.attested_at IS 'Time of the verdict.';
COMMENT ON COLUMN attestation_record.valid_until IS 'End of its validity; null: not stated.';
COMMENT ON COLUMN attestation_record.attested_capabilities IS 'Capabilities that the evidence proves.';
COMMENT ON COLUMN attestation_record.recorded_at IS 'When it was recorded.';
COMMENT ON COLUMN attestation_record.actor_id IS 'Client that recorded it.';

CREATE TABLE scrub_record (
    nfvi_pop_id  text             NOT NULL,
    host_id      text COLLATE "C" NOT NULL,
    id           text COLLATE "C" NOT NULL,
    level        text             NOT NULL,
    device_reset boolean          NOT NULL DEFAULT false,
    at           timestamptz      NOT NULL,
    actor        text             NOT NULL DEFAULT '',
    evidence     text             NOT NULL DEFAULT '',
    recorded_at  timestamptz      NOT NULL DEFAULT statement_timestamp(),
    actor_id     text             NOT NULL,
    CONSTRAINT scrub_record_pk PRIMARY KEY (nfvi_pop_id, host_id, id),
    CONSTRAINT scrub_record_level_ck CHECK (level IN ('CACHE_PURGE', 'EPHEMERAL_WIPE', 'REBOOT', 'REIMAGE'))
);
COMMENT ON TABLE scrub_record IS 'Evidence that hosts were cleaned, append-only. Outlives the host''s record: no foreign key.';
COMMENT ON COLUMN scrub_record.nfvi_pop_id IS 'NFVI-PoP of the host.';
COMMENT ON COLUMN scrub_record.host_id IS 'Host.';
COMMENT ON COLUMN scrub_record.id IS 'Identifier on the host.';
COMMENT ON COLUMN scrub_record.level IS 'How thoroughly; each level includes the lower ones.';
COMMENT ON COLUMN scrub_record.device_reset IS 'Cut-through devices were reset as well.';
COMMENT ON COLUMN scrub_record.at IS 'When the host was clean.';
COMMENT ON COLUMN scrub_record.actor IS 'Who or what cleaned it.';
COMMENT ON COLUMN scrub_record.evidence IS 'Signed evidence.';
COMMENT ON COLUMN scrub_record.recorded_at IS 'When it was recorded.';
COMMENT ON COLUMN scrub_record.actor_id IS 'Client that recorded it.';

CREATE TABLE residency (
    nfvi_pop_id               text             NOT NULL,
    id                        text COLLATE "C" NOT NULL,
    host_id                   text COLLATE "C" NOT NULL,
    cis_node_id               text             NOT NULL DEFAULT '',
    pod_id                    text             NOT NULL DEFAULT '',
    kind                      text             NOT NULL,
    state                     text             NOT NULL,
    vnf_instance_id           text COLLATE "C" NOT NULL,
    nf_instance_key           text             NOT NULL DEFAULT '',
    nf_type                   text             NOT NULL DEFAULT '',
    nf_set_id                 text             NOT NULL DEFAULT '',
    vnfd_id                   text COLLATE "C" NOT NULL DEFAULT '',
    component_id              text             NOT NULL,
    trust_domain_id           text COLLATE "C" NOT NULL,
    roles                     text[]           NOT NULL DEFAULT '{}',
    exposed                   boolean          NOT NULL DEFAULT false,
    protected_peer            boolean          NOT NULL DEFAULT false,
    cut_through               text[]           NOT NULL DEFAULT '{}',
    privileged                text[]           NOT NULL DEFAULT '{}',
    administers_host_pool_ids text[]           NOT NULL DEFAULT '{}',
    images                    text[]           NOT NULL DEFAULT '{}',
    labels                    jsonb            NOT NULL DEFAULT '{}',
    snssais                   text[]           NOT NULL DEFAULT '{}',
    runtime                   text             NOT NULL DEFAULT '',
    resources                 jsonb            NOT NULL DEFAULT '{}',
    undeclared_peers          boolean          NOT NULL DEFAULT false,
    conflicting_components    boolean          NOT NULL DEFAULT false,
    grant_id                  text COLLATE "C",
    resource_definition_id    text             NOT NULL DEFAULT '',
    vim_resource_ids          text[]           NOT NULL DEFAULT '{}',
    reserved_at               timestamptz,
    expires_at                timestamptz,
    state_since               timestamptz      NOT NULL DEFAULT statement_timestamp(),
    revision                  bigint           NOT NULL DEFAULT 1,
    CONSTRAINT residency_pk PRIMARY KEY (nfvi_pop_id, id),
    CONSTRAINT residency_id_ck CHECK (id <> ''),
    CONSTRAINT residency_kind_ck CHECK (kind IN ('WORKLOAD', 'FABRIC')),
    CONSTRAINT residency_state_ck CHECK (state IN ('RESERVED', 'UNCONFIRMED', 'RUNNING', 'TERMINATING')),
    CONSTRAINT residency_decided_ck CHECK ((grant_id IS NULL) = (reserved_at IS NULL)),
    CONSTRAINT residency_expiry_ck CHECK (CASE WHEN grant_id IS NULL THEN expires_at IS NULL
        ELSE expires_at IS NOT NULL OR state NOT IN ('RESERVED', 'UNCONFIRMED') END)
);
ALTER TABLE residency ADD CONSTRAINT residency_host_fk FOREIGN KEY (nfvi_pop_id, host_id) REFERENCES host (nfvi_pop_id, id);
CREATE INDEX residency_id_ix ON residency (id);
CREATE INDEX residency_host_ix ON residency (nfvi_pop_id, host_id);
CREATE INDEX residency_vnf_instance_ix ON residency (vnf_instance_id, component_id);
CREATE INDEX residency_grant_ix ON residency (grant_id) WHERE grant_id IS NOT NULL;
CREATE INDEX residency_expiry_ix ON residency (state, expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX residency_vim_resource_ix ON residency USING gin (vim_resource_ids) WHERE vim_resource_ids <> '{}';
COMMENT ON TABLE residency IS 'Pods and VMs on hosts, as decided or imported; what the NFVI reports is kept apart. Trust domain, runtime class and images are checked by the writer under the epoch lock, without foreign keys: those would lock one hot row of a reference table per placement.';
COMMENT ON COLUMN residency.nfvi_pop_id IS 'NFVI-PoP of the host.';
COMMENT ON COLUMN residency.id IS 'Identifier, unique over all NFVI-PoPs: granted ones are UUIDs, and inventory writers, who choose ids, exclude each other.';
COMMENT ON COLUMN residency.host_id IS 'Host.';
COMMENT ON COLUMN residency.cis_node_id IS 'CIS node; empty: the host''s own kernel.';
COMMENT ON COLUMN residency.pod_id IS 'Pod; residents that share it share everything. Empty: its own.';
COMMENT ON COLUMN residency.kind IS 'WORKLOAD, or FABRIC for the host''s own trusted base.';
COMMENT ON COLUMN residency.state IS 'RESERVED (granted, not yet seen), UNCONFIRMED (expired, absence not proved), RUNNING (observed), TERMINATING (to be removed, not yet seen gone). All four separate and use capacity; a residency that has ended has no row.';
COMMENT ON COLUMN residency.vnf_instance_id IS 'VNF instance.';
COMMENT ON COLUMN residency.nf_instance_key IS 'Tells several NFs of one VNF instance apart.';
COMMENT ON COLUMN residency.nf_type IS '3GPP NF type.';
COMMENT ON COLUMN residency.nf_set_id IS 'NF set.';
COMMENT ON COLUMN residency.vnfd_id IS 'VNFD that it was decided by.';
COMMENT ON COLUMN residency.component_id IS 'Component of the VNF.';
COMMENT ON COLUMN residency.trust_domain_id IS 'Trust domain.';
COMMENT ON COLUMN residency.roles IS 'Roles, declared and derived.';
COMMENT ON COLUMN residency.exposed IS 'Reached from outside its trust domain.';
COMMENT ON COLUMN residency.protected_peer IS 'Has a relation with handling PROTECTED.';
COMMENT ON COLUMN residency.cut_through IS 'Ways in which it reaches hardware past its isolation boundary.';
COMMENT ON COLUMN residency.privileged IS 'Rights by which it may leave its container.';
COMMENT ON COLUMN residency.administers_host_pool_ids IS 'Host pools that it administers.';
COMMENT ON COLUMN residency.images IS 'Digests of its artefacts.';
COMMENT ON COLUMN residency.labels IS 'Free labels.';
COMMENT ON COLUMN residency.snssais IS 'Network slices.';
COMMENT ON COLUMN residency.runtime IS 'Runtime class.';
COMMENT ON COLUMN residency.resources IS 'Capacity dimension to amount, without the overhead of the runtime class.';
COMMENT ON COLUMN residency.undeclared_peers IS 'An interface names a peer without a declared relation.';
COMMENT ON COLUMN residency.conflicting_components IS 'A pod that mixes components of different trust domains.';
COMMENT ON COLUMN residency.grant_id IS 'Grant that decided it; null: imported, holds no claim.';
COMMENT ON COLUMN residency.resource_definition_id IS 'Resource definition of the grant request.';
COMMENT ON COLUMN residency.vim_resource_ids IS 'Identifiers that the VIM or CISM gave it.';
COMMENT ON COLUMN residency.reserved_at IS 'Commit of the grant; null iff imported.';
COMMENT ON COLUMN residency.expires_at IS 'End of the reservation, after which RESERVED becomes UNCONFIRMED; null: never.';
COMMENT ON COLUMN residency.state_since IS 'When the state was reached.';
COMMENT ON COLUMN residency.revision IS 'Grows with every change; the ETag.';

CREATE TABLE cache_entry (
    nfvi_pop_id     text             NOT NULL,
    host_id         text COLLATE "C" NOT NULL,
    digest          text COLLATE "C" NOT NULL,
    mode            text             NOT NULL,
    trust_domain_id text COLLATE "C" NOT NULL DEFAULT '',
    observed_at     timestamptz      NOT NULL,
    revision        bigint           NOT NULL DEFAULT 1,
    CONSTRAINT cache_entry_pk PRIMARY KEY (nfvi_pop_id, host_id, digest),
    CONSTRAINT cache_entry_mode_ck CHECK (mode IN ('SHARED', 'DOMAIN_PRIVATE', 'ENCRYPTED', 'GUEST_ONLY', 'NO_STORE')),
    CONSTRAINT cache_entry_domain_ck CHECK (mode <> 'SHARED' OR trust_domain_id = '')
);
ALTER TABLE cache_entry ADD CONSTRAINT cache_entry_host_fk FOREIGN KEY (nfvi_pop_id, host_id) REFERENCES host (nfvi_pop_id, id);
COMMENT ON TABLE cache_entry IS 'Artefacts in the caches of hosts, and how they lie there.';
COMMENT ON COLUMN cache_entry.nfvi_pop_id IS 'NFVI-PoP of the host.';
COMMENT ON COLUMN cache_entry.host_id IS 'Host.';
COMMENT ON COLUMN cache_entry.digest IS 'Digest of the artefact, which may be unknown to the inventory.';
COMMENT ON COLUMN cache_entry.mode IS 'Form in which it lies there.';
COMMENT ON COLUMN cache_entry.trust_domain_id IS 'Trust domain that it belongs to; empty for SHARED entries and where unknown.';
COMMENT ON COLUMN cache_entry.observed_at IS 'When it was last seen.';
COMMENT ON COLUMN cache_entry.revision IS 'Grows with every change; the ETag.';

CREATE TABLE vnf_instance_params (
    vnf_instance_id text COLLATE "C" NOT NULL,
    vnfd_id         text COLLATE "C" NOT NULL,
    params          jsonb            NOT NULL,
    grant_id        text COLLATE "C" NOT NULL,
    recorded_at     timestamptz      NOT NULL DEFAULT statement_timestamp(),
    CONSTRAINT vnf_instance_params_pk PRIMARY KEY (vnf_instance_id)
);
COMMENT ON TABLE vnf_instance_params IS 'What the policy saw when a VNF was instantiated, for later operations that do not carry it again. Part of requests, not of the state that decides: outside of epoch and feed.';
COMMENT ON COLUMN vnf_instance_params.vnf_instance_id IS 'VNF instance.';
COMMENT ON COLUMN vnf_instance_params.vnfd_id IS 'Its VNFD.';
COMMENT ON COLUMN vnf_instance_params.params IS 'components, snssai and plmn of additionalParams.ringfence.';
COMMENT ON COLUMN vnf_instance_params.grant_id IS 'Grant of the instantiation.';
COMMENT ON COLUMN vnf_instance_params.recorded_at IS 'Commit of that grant.';

CREATE TABLE directory (
    kind        text             NOT NULL,
    id          text COLLATE "C" NOT NULL,
    nfvi_pop_id text             NOT NULL,
    CONSTRAINT directory_pk PRIMARY KEY (kind, id),
    CONSTRAINT directory_kind_ck CHECK (kind IN ('HOST', 'GRANT', 'DECISION'))
);
COMMENT ON TABLE directory IS 'The NFVI-PoP of what a URI names by its id alone. Residencies are found by their own index instead: a grant would write one row here for each.';
COMMENT ON COLUMN directory.kind IS 'Kind of object.';
COMMENT ON COLUMN directory.id IS 'Its identifier.';
COMMENT ON COLUMN directory.nfvi_pop_id IS 'Its NFVI-PoP; "-" for refusals and dry runs.';

-- Policies

CREATE TABLE policy (
    id               text COLLATE "C" NOT NULL,
    designer         text             NOT NULL DEFAULT '',
    name             text             NOT NULL DEFAULT '',
    pf_id            text             NOT NULL DEFAULT '',
    selected_version text COLLATE "C",
    activated        boolean          NOT NULL DEFAULT false,
    associations     text[]           NOT NULL DEFAULT '{}',
    revision         bigint           NOT NULL DEFAULT 1,
    CONSTRAINT policy_pk PRIMARY KEY (id),
    CONSTRAINT policy_id_ck CHECK (id <> ''),
    CONSTRAINT policy_activated_ck CHECK (NOT activated OR selected_version IS NOT NULL)
);
COMMENT ON TABLE policy IS 'Policies of the SOL012 interface.';
COMMENT ON COLUMN policy.id IS 'Identifier.';
COMMENT ON COLUMN policy.designer IS 'Designer.';
COMMENT ON COLUMN policy.name IS 'Name.';
COMMENT ON COLUMN policy.pf_id IS 'Policy function.';
COMMENT ON COLUMN policy.selected_version IS 'Version that is or would be active; null: none selected.';
COMMENT ON COLUMN policy.activated IS 'In force.';
COMMENT ON COLUMN policy.associations IS 'VNF instances that it applies to; empty: all.';
COMMENT ON COLUMN policy.revision IS 'Grows with every change; the ETag.';

CREATE TABLE policy_version (
    policy_id      text COLLATE "C" NOT NULL,
    version        text COLLATE "C" NOT NULL,
    transfer_no    bigint           GENERATED ALWAYS AS IDENTITY,
    media_type     text             NOT NULL,
    content        bytea            NOT NULL,
    sha256         text             NOT NULL,
    transferred_by text             NOT NULL,
    transferred_at timestamptz      NOT NULL DEFAULT statement_timestamp(),
    CONSTRAINT policy_version_pk PRIMARY KEY (policy_id, version),
    CONSTRAINT policy_version_sha256_ck CHECK (sha256 = encode(sha256(content), 'hex'))
);
ALTER TABLE policy_version ADD CONSTRAINT policy_version_policy_fk FOREIGN KEY (policy_id) REFERENCES policy (id);
ALTER TABLE policy ADD CONSTRAINT policy_selected_version_fk FOREIGN KEY (id, selected_version) REFERENCES policy_version (policy_id, version);
COMMENT ON TABLE policy_version IS 'Transferred versions of policies, byte for byte; written once.';
COMMENT ON COLUMN policy_version.policy_id IS 'Policy.';
COMMENT ON COLUMN policy_version.version IS 'Version.';
COMMENT ON COLUMN policy_version.transfer_no IS 'Order of transfer.';
COMMENT ON COLUMN policy_version.media_type IS 'Media type that it was transferred with.';
COMMENT ON COLUMN policy_version.content IS 'The document.';
COMMENT ON COLUMN policy_version.sha256 IS 'SHA-256 of the content, hexadecimal.';
COMMENT ON COLUMN policy_version.transferred_by IS 'Client that transferred it.';
COMMENT ON COLUMN policy_version.transferred_at IS 'When.';

CREATE TABLE policy_epoch (
    only_row boolean NOT NULL DEFAULT true,
    epoch    bigint  NOT NULL,
    CONSTRAINT policy_epoch_pk PRIMARY KEY (only_row),
    CONSTRAINT policy_epoch_only_row_ck CHECK (only_row)
);
INSERT INTO policy_epoch (epoch) VALUES (1);
COMMENT ON TABLE policy_epoch IS 'One row. Decisions hold the epoch''s advisory lock shared and then read it; whoever changes anything that decides holds it exclusively and increments it.';
COMMENT ON COLUMN policy_epoch.only_row IS 'Always true.';
COMMENT ON COLUMN policy_epoch.epoch IS 'Number of the state of everything that decides beside hosts and residents.';

-- The change feed

CREATE TABLE change_feed (
    nfvi_pop_id text             NOT NULL,
    txid        xid8             NOT NULL DEFAULT pg_current_xact_id(),
    id          bigint           GENERATED ALWAYS AS IDENTITY,
    kind        text             NOT NULL,
    object_id   text COLLATE "C" NOT NULL,
    after       jsonb,
    CONSTRAINT change_feed_pk PRIMARY KEY (nfvi_pop_id, txid, id),
    CONSTRAINT change_feed_kind_ck CHECK (kind IN ('TRUST_DOMAIN', 'TRUST_RELATION', 'NFVI_POP', 'RESOURCE_ZONE', 'HOST_POOL',
        'RUNTIME_CLASS', 'HOST', 'IMAGE', 'VNF_PROFILE', 'RESIDENCY', 'CACHE_ENTRY', 'POLICIES', 'POLICY_EPOCH'))
);
CREATE INDEX change_feed_position_ix ON change_feed (txid, id);
COMMENT ON TABLE change_feed IS 'Every committed change to anything that decides, append-only. Readers take rows with a txid below pg_snapshot_xmin(pg_current_snapshot()), ordered by (txid, id): below it no transaction is still running, so nothing can appear there any more.';
COMMENT ON COLUMN change_feed.nfvi_pop_id IS 'NFVI-PoP of the object; "-" for what belongs to none.';
COMMENT ON COLUMN change_feed.txid IS 'Transaction that made the change.';
COMMENT ON COLUMN change_feed.id IS 'Orders the changes of a transaction.';
COMMENT ON COLUMN change_feed.kind IS 'What the change is about.';
COMMENT ON COLUMN change_feed.object_id IS 'Identifier of the object.';
COMMENT ON COLUMN change_feed.after IS 'The object after the change, in full; null: deleted.';

-- Rights: ringfence_app reads and writes rows and defines nothing. History it can only append.

GRANT USAGE ON SCHEMA public TO ringfence_app;
GRANT SELECT ON schema_migrations TO ringfence_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON trust_domain, trust_relation, nfvi_pop, resource_zone, host_pool, runtime_class, image, vnf_profile,
    host, host_ext_capacity, residue, residency, cache_entry, vnf_instance_params, directory, policy TO ringfence_app;
GRANT SELECT, INSERT, DELETE ON policy_version TO ringfence_app;
GRANT SELECT, UPDATE ON policy_epoch TO ringfence_app;
GRANT SELECT, INSERT ON change_feed, attestation_record, scrub_record TO ringfence_app;

COMMIT;
