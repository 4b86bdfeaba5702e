#!/bin/bash
# Every mount option does what docs/user/cli.md says of it. (ro: read_only.sh, nonempty: stuck.sh)
. "${MENDFS_SOURCE:?}/tests/mount/lib.sh"
need jq
start
unmount
words() { awk -v at="$mnt" '$2 == at { print "," $4 "," }' /proc/self/mounts; }
mounted() { must "$mendfs" mount "$store" "$mnt" -o "$1"; }
commits() { "$mendfs" log "$mnt" | wc -l; }

mounted nograph
absent "$mnt/graph"
unmount
mounted nograph,graph
must test -d "$mnt/graph"
unmount

mounted "log=$PWD/daemon.log"
unmount
must grep -q "unmounted; closing the store" daemon.log
refused "below the mount point" "$mendfs" mount "$store" "$mnt" -o "log=$mnt/log"

mounted commit=1h
before=$(commits)
echo 1 >"$mnt/files/a"
sleep 2.5
same "$before" "$(commits)"
unmount
mounted commit=50ms
before=$(commits)
echo 2 >"$mnt/files/a"
more() { (($(commits) > before)); }
soon more
unmount
refused "10ms to 1h" "$mendfs" mount "$store" "$mnt" -o commit=1ms

mounted cache_size=1M
must cat "$people/alice.json" >/dev/null
unmount
refused "1M to 1T" "$mendfs" mount "$store" "$mnt" -o cache_size=1K

printf '#!/bin/sh\necho ran\n' >script
mounted exec,dev,suid
install -m 755 script "$mnt/files/script"
same ran "$("$mnt/files/script")"
if ((EUID == 0)); then
  if [[ $(words) == *,nodev,* || $(words) == *,nosuid,* ]]; then fail "dev and suid: $(words)"; fi
fi
unmount
mounted noexec,nodev,nosuid,sync,dirsync,max_read=65536
refused "Permission denied" "$mnt/files/script"
for word in noexec nodev nosuid sync dirsync max_read=65536; do holds "$(words)" ",$word,"; done
head -c 300000 /dev/urandom >random
cp random "$mnt/files/random"
must cmp random "$mnt/files/random"
unmount
refused "4096 to 1M" "$mendfs" mount "$store" "$mnt" -o max_read=1

# Who may look.
if ((EUID == 0)) && command -v setpriv >/dev/null; then
  chmod 755 .
  as_nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }
  mounted rw
  same kept "$(echo kept >"$mnt/files/k" && as_nobody cat "$mnt/files/k")"
  unmount
  mounted noallow_other
  refused "Permission denied" as_nobody cat "$mnt/files/k"
  unmount
fi

# auto_unmount: fusermount3 waits beside the daemon. That it takes the mount of a killed daemon away is
# its own business, and it does not always.
mounted auto_unmount
must pgrep -f "fusermount3.*auto_unmount" >/dev/null
unmount
