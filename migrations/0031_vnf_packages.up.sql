BEGIN;

CREATE TABLE vnf_package (
    id               text        NOT NULL,
    vnfd_id          text COLLATE "C" NOT NULL DEFAULT '',
    state            text        NOT NULL DEFAULT 'UPLOADING',
    archive          boolean     NOT NULL DEFAULT true,
    vnfd_version     text        NOT NULL DEFAULT '',
    provider         text        NOT NULL DEFAULT '',
    product_name     text        NOT NULL DEFAULT '',
    software_version text        NOT NULL DEFAULT '',
    size_bytes       bigint      NOT NULL DEFAULT 0,
    sha256           text        NOT NULL DEFAULT '',
    draft            json        NOT NULL DEFAULT '{}',
    findings         json        NOT NULL DEFAULT '[]',
    created_by       text        NOT NULL,
    created_at       timestamptz NOT NULL DEFAULT statement_timestamp(),
    onboarded_at     timestamptz,
    CONSTRAINT vnf_package_pk PRIMARY KEY (id),
    CONSTRAINT vnf_package_state_ck CHECK (state IN ('UPLOADING', 'ONBOARDED')),
    CONSTRAINT vnf_package_onboarded_ck CHECK (state = 'UPLOADING' OR vnfd_id <> '' AND onboarded_at IS NOT NULL)
);
CREATE UNIQUE INDEX vnf_package_vnfd_ix ON vnf_package (vnfd_id) WHERE state = 'ONBOARDED';
COMMENT ON TABLE vnf_package IS 'VNF packages and single VNFDs that were onboarded, or are being sent.';
COMMENT ON COLUMN vnf_package.id IS 'Identifier.';
COMMENT ON COLUMN vnf_package.vnfd_id IS 'Identifier of the VNFD in it (descriptor_id); empty until it was read.';
COMMENT ON COLUMN vnf_package.state IS 'UPLOADING while it is sent and read, then ONBOARDED. What stays UPLOADING for long was broken off and goes.';
COMMENT ON COLUMN vnf_package.archive IS 'Whether it is a CSAR; otherwise it is a single VNFD.';
COMMENT ON COLUMN vnf_package.vnfd_version IS 'Version of the VNFD.';
COMMENT ON COLUMN vnf_package.provider IS 'Provider of the VNF.';
COMMENT ON COLUMN vnf_package.product_name IS 'Name of the product.';
COMMENT ON COLUMN vnf_package.software_version IS 'Version of its software.';
COMMENT ON COLUMN vnf_package.size_bytes IS 'Length of the content.';
COMMENT ON COLUMN vnf_package.sha256 IS 'SHA-256 of the content.';
COMMENT ON COLUMN vnf_package.draft IS 'What the VNFD says of the VNF profile, byte for byte.';
COMMENT ON COLUMN vnf_package.findings IS 'What was found in it, with places.';
COMMENT ON COLUMN vnf_package.created_by IS 'Client that sent it.';
COMMENT ON COLUMN vnf_package.created_at IS 'When it began to be sent.';
COMMENT ON COLUMN vnf_package.onboarded_at IS 'When it was onboarded; null until then.';

CREATE TABLE vnf_package_chunk (
    vnf_package_id text    NOT NULL,
    number         integer NOT NULL,
    content        bytea   NOT NULL,
    CONSTRAINT vnf_package_chunk_pk PRIMARY KEY (vnf_package_id, number),
    CONSTRAINT vnf_package_chunk_fk FOREIGN KEY (vnf_package_id) REFERENCES vnf_package (id) ON DELETE CASCADE
);
ALTER TABLE vnf_package_chunk ALTER COLUMN content SET STORAGE EXTERNAL; -- archives do not compress
COMMENT ON TABLE vnf_package_chunk IS 'Content of VNF packages, in pieces.';
COMMENT ON COLUMN vnf_package_chunk.vnf_package_id IS 'The package.';
COMMENT ON COLUMN vnf_package_chunk.number IS 'From 0; all pieces but the last are equally long.';
COMMENT ON COLUMN vnf_package_chunk.content IS 'The bytes.';

GRANT SELECT, INSERT, UPDATE, DELETE ON vnf_package TO ringfence_app;
GRANT SELECT, INSERT, DELETE ON vnf_package_chunk TO ringfence_app;

-- Packages are for everybody who may ask for them, but for those whose VNF profile belongs to lawful interception.
ALTER TABLE vnf_package ENABLE ROW LEVEL SECURITY;
CREATE POLICY service ON vnf_package TO ringfence_app USING (true) WITH CHECK (true);
CREATE POLICY caller ON vnf_package FOR SELECT TO ringfence_caller
    USING (vnfd_id NOT IN (SELECT hidden_vnf_profiles()));
GRANT SELECT ON vnf_package TO ringfence_caller;
ALTER TABLE vnf_package_chunk ENABLE ROW LEVEL SECURITY;
CREATE POLICY service ON vnf_package_chunk TO ringfence_app USING (true) WITH CHECK (true);
CREATE POLICY caller ON vnf_package_chunk FOR SELECT TO ringfence_caller
    USING (EXISTS (SELECT FROM vnf_package p WHERE p.id = vnf_package_id)); -- which shows what the caller may see
GRANT SELECT ON vnf_package_chunk TO ringfence_caller;

COMMIT;
