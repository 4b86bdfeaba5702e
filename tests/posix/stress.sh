#!/bin/bash
# stress-ng's file system class: hundreds of odd uses at once, each checking its own results.
#
# Needs:  MENDFS_STRESS_SECONDS (default 2), for each of them
. "${MENDFS_SOURCE:?}/tests/mount/lib.sh"
need stress-ng
start
mkdir "$mnt/files/stress"
# Those left out use other file systems, not this one, or change the machine.
must stress-ng --class filesystem --seq 2 --timeout "${MENDFS_STRESS_SECONDS:-2}s" --verify \
  --temp-path "$mnt/files/stress" \
  --exclude binderfs,bind-mount,procfs,sysfs,fanotify,apparmor,ioprio,io >seen 2>&1 ||
  { grep -E "fail|error" seen >&2; exit 1; }
if grep -E "stress-ng: (fail|error)" seen >&2; then fail "stress-ng found something"; fi
same "" "$(names "$mnt/files/stress")"
must cat "$people/alice.json" >/dev/null
unmount
must "$mendfs" fsck -n --data "$store" >/dev/null
grep -oE "[a-z-]+: [^ ]+ (is )?not supported.*skipping" seen | sed 's/^/cannot: /' || true
sed -n 's/.*\(successful run completed.*\)/stress-ng: \1/p' seen
