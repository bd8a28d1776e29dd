-- Run once by the PostgreSQL image, as the superuser in the database ringfence, before the server takes connections from others.
-- The owner's role runs the migrations; the service's role creates nothing and has only what the migrations grant it; it
-- becomes ringfence_caller to read for a caller.
\set ON_ERROR_STOP on
\set owner_password `cat /run/secrets/owner_password`
\set app_password `cat /run/secrets/app_password`

CREATE ROLE ringfence_owner LOGIN PASSWORD :'owner_password';
CREATE ROLE ringfence_app LOGIN PASSWORD :'app_password';
CREATE ROLE ringfence_caller NOLOGIN;
GRANT ringfence_caller TO ringfence_app;

REVOKE ALL ON DATABASE ringfence FROM PUBLIC;
GRANT CONNECT, CREATE, TEMPORARY ON DATABASE ringfence TO ringfence_owner;
GRANT CONNECT ON DATABASE ringfence TO ringfence_app;
ALTER SCHEMA public OWNER TO ringfence_owner;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
