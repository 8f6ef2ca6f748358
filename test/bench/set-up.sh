#!/bin/sh
# What `npm run bench` needs beside `npm ci`: the peers from Debian (Fastify and ioredis come with npm ci). They are only installed; nothing of them is started or enabled.
set -e
packages='wrk nginx-light haproxy redis-server util-linux'
missing=''
for package in $packages; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
[ -z "$missing" ] && { echo "bench: all is there ($packages)"; exit 0; }
[ "$(id -u)" = 0 ] || { echo "bench: as root: apt-get install -y --no-install-recommends$missing" >&2; exit 1; }
# Services stay down: a row starts its own.
[ -e /usr/sbin/policy-rc.d ] || { printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d && chmod +x /usr/sbin/policy-rc.d && made=1; }
trap '[ -z "$made" ] || rm -f /usr/sbin/policy-rc.d' EXIT
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing
