#!/bin/sh
# Run once by the ClickHouse image, on an empty volume: the database and the user of the apps, with the rights that tools/clickhouse-grants.mjs
# prints and no more (test/deploy/compose.servers.spec.ts compares the two). The password is of letters, digits, - and _.
set -eu
case $APPS_PASSWORD in *[!A-Za-z0-9_-]*) echo 'CLICKHOUSE_PASSWORD: letters, digits, - and _ only' >&2; exit 1 ;; esac
clickhouse-client --user "$CLICKHOUSE_USER" --password "$CLICKHOUSE_PASSWORD" --multiquery <<SQL
CREATE DATABASE IF NOT EXISTS vitrine ENGINE = Atomic;
CREATE USER IF NOT EXISTS vitrine IDENTIFIED WITH sha256_password BY '$APPS_PASSWORD';
GRANT SELECT, INSERT, CREATE TABLE, DROP TABLE ON vitrine.* TO vitrine;
GRANT SELECT, INSERT, CREATE TABLE, DROP TABLE, CREATE DATABASE, DROP DATABASE ON vitrine_rebuild_*.* TO vitrine;
GRANT TABLE ENGINE ON Atomic TO vitrine;
GRANT TABLE ENGINE ON ReplacingMergeTree TO vitrine;
SQL
