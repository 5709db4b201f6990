#!/bin/sh
# A role and a database per service; no role can connect to another's database.
set -eu
for service in catalog circulation ill erm gateway; do
    password=$(eval "printf '%s' \"\$$(echo "$service" | tr '[:lower:]' '[:upper:]')_PASSWORD\"")
    psql --username postgres --set ON_ERROR_STOP=1 --set "role=carrel_$service" --set "password=$password" <<'SQL'
CREATE ROLE :"role" LOGIN PASSWORD :'password';
CREATE DATABASE :"role" OWNER :"role";
REVOKE CONNECT ON DATABASE :"role" FROM PUBLIC;
SQL
done
psql --username postgres --set ON_ERROR_STOP=1 --command 'REVOKE CONNECT ON DATABASE postgres, template1 FROM PUBLIC'
