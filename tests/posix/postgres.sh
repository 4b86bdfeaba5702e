#!/bin/bash
# A PostgreSQL cluster with checksums lives in files/: initdb, pgbench, a killed server, a killed
# mount, and every page of it fits its checksum.
. "${MENDFS_SOURCE:?}/tests/mount/lib.sh"
need runuser pgbench
bin=$(for dir in /usr/lib/postgresql/*/bin; do echo "$dir"; done | sort -V | tail -n 1)
[[ -x $bin/initdb ]] || {
  echo "skipped: there is no PostgreSQL server"
  exit 77
}
start
chmod 755 "$PWD"
data=$mnt/files/pg
sockets=$PWD/sockets
mkdir "$data" "$sockets"
chown postgres: "$data" "$sockets"
chmod 700 "$data"
as() { (cd / && runuser -u postgres -- env LC_ALL=C.UTF-8 "$@"); }
up() {
  as "$bin/pg_ctl" -D "$data" -w -t 120 -l "$data/log" \
    -o "-k $sockets -c listen_addresses= -c full_page_writes=on" start >/dev/null || {
    tail -n 20 "$data/log" >&2
    fail "the server does not start"
  }
}
down() { must as "$bin/pg_ctl" -D "$data" -w -m "$1" stop >/dev/null; }
query() { as psql -h "$sockets" -d bench -Atc "$1"; }
stop_all() {
  as "$bin/pg_ctl" -D "$data" -m immediate stop || true
  unmount || umount -l "$mnt"
} >/dev/null 2>&1
trap stop_all EXIT

must as "$bin/initdb" -D "$data" -k -A trust >initdb.out
up
must as createdb -h "$sockets" bench
must as pgbench -h "$sockets" -i -q -s 5 bench >out 2>&1
must as pgbench -h "$sockets" -c 4 -j 2 -T 10 bench >bench.out 2>&1
same 500000 "$(query 'select count(*) from pgbench_accounts')"

# The server dies: its own recovery wants what it fsynced.
sum=$(query 'select sum(abalance), (select sum(bbalance) from pgbench_branches) from pgbench_accounts')
same "${sum%|*}" "${sum#*|}"
down immediate
up
same "$sum" "$(query 'select sum(abalance), (select sum(bbalance) from pgbench_branches) from pgbench_accounts')"

# The mount dies under it.
pid=$(sed -n 's/^pid \([0-9]*\) .*/\1/p' "$store/LOCK")
as pgbench -h "$sockets" -c 2 -T 30 bench >killed.out 2>&1 &
load=$!
sleep 2
kill -9 "$pid"
wait "$load" || true
as "$bin/pg_ctl" -D "$data" -m immediate stop >/dev/null 2>&1 || true
postmaster=$(pgrep -f "^$bin/postgres -D $data" || true)
[[ -z $postmaster ]] || kill -9 $postmaster 2>/dev/null || true
soon bash -c "! pgrep -f '^$bin/postgres -D $data'"
umount -l "$mnt"
must "$mendfs" mount "$store" "$mnt"
rm -f "$data/postmaster.pid"
up
sum=$(query 'select sum(abalance), (select sum(bbalance) from pgbench_branches) from pgbench_accounts')
same "${sum%|*}" "${sum#*|}"
down fast
must as "$bin/pg_checksums" --check -D "$data" >checksums
unmount
must "$mendfs" fsck -n --data "$store" >/dev/null
echo "postgres: $(sed -n 's/^tps = \([0-9]*\).*/\1/p' bench.out) transactions/s, $(sed -n 's/^Blocks scanned: *\(.*\)/\1/p' checksums) blocks fit"
