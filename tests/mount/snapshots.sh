#!/bin/bash
# Snapshots: taken, shown, renamed and dropped with ordinary tools and with the command line.
. "${MENDFS_SOURCE:?}/tests/mount/lib.sh"
need diff rsync git
start
snapshots=$mnt/.mend/snapshots
mkdir -p "$mnt/files/docs"
echo first >"$mnt/files/docs/note"
head -c 300000 /dev/urandom >"$mnt/files/big"
must mkdir "$snapshots/v1"
must cp -a "$mnt/files" kept
must cp -rL "$mnt/nodes" kept-nodes

# Everything changes; what was snapshot does not.
echo second >"$mnt/files/docs/note"
rm "$mnt/files/big" "$people/bob.json"
printf '{"name":"dora"}\n' >"$people/dora.json"
must "$mendfs" snapshot create "$mnt" release/2 -m "the second" >/dev/null
must diff -r kept "$snapshots/v1/files"
must diff -r kept-nodes "$snapshots/v1/nodes"
same "" "$(rsync -an --checksum --itemize-changes "$snapshots/v1/files/" kept/)"
same "alice carol dora " "$(names "$snapshots/release%2F2/graph/Person")"
same "release%2F2 v1 " "$(names "$snapshots")"
same "$(readlink "$mnt/.mend/at/v1")" "$("$mendfs" snapshot list "$mnt" --json | jq -r 'select(.name=="v1").commit' 2>/dev/null ||
  "$mendfs" snapshot list "$mnt" --json | sed -n 's/.*"name":"v1","commit":"\([0-9a-f]*\)".*/\1/p')"
must test -d "$mnt/.mend/at/release%2F2/nodes"
# The same directory by two ways is two directories, and both can be walked at once.
must diff -r "$mnt/.mend/at/v1/files" "$snapshots/v1/files"
(cd "$snapshots/v1/files/docs" && must diff -r . "$mnt/.mend/at/v1/files/docs" && same first "$(cat note)")
same "" "$(find "$mnt" -path '*/snapshots/*')"
must cp "$snapshots/v1/nodes/Person/bob.json" "$people/bob.json"

# A scheduled one, as people do it with cron.
for hour in 1 2 3; do must mkdir "$snapshots/hourly%2F$hour"; done
must rmdir "$snapshots/hourly%2F1"
must mv "$snapshots/hourly%2F3" "$snapshots/kept"
must diff -r "$snapshots/kept/files" "$mnt/files"
same "hourly%2F2 kept release%2F2 v1 " "$(names "$snapshots")"

refused "File exists" mkdir "$snapshots/v1"
refused "File exists" mkdir "$snapshots/v1%2Fdeep"
refused "Invalid argument" mkdir "$snapshots/HEAD"
refused "Invalid argument" mkdir "$snapshots/2026-11-20"
holds "$("$mendfs" why "$mnt")" "reads as the id of a commit, as HEAD or as a time"
refused "Read-only file system" touch "$snapshots/v1/files/new"
refused "Read-only file system" rm "$snapshots/v1/nodes/Person/alice.json"
refused "Read-only file system" mkdir "$snapshots/v1/files/new"
refused "Operation not permitted" ln -s x "$snapshots/link"
refused "No such file" rmdir "$snapshots/nothing"
refused "there is no snapshot" "$mendfs" snapshot delete "$mnt" nothing
refused "names no commit" "$mendfs" snapshot create "$mnt" new nothing
same "true" "$(grep -q '4 snapshots' <("$mendfs" status "$mnt") && echo true)"

# A name that is dropped and taken again shows what it is now; what was open is read to its end.
must mkdir "$snapshots/again"
exec 7<"$snapshots/again/files/docs/note"
must rmdir "$snapshots/again"
echo third >"$mnt/files/docs/note"
must mkdir "$snapshots/again"
same third "$(cat "$snapshots/again/files/docs/note")"
same second "$(cat <&7)"
exec 7<&-

# Killed right behind the acknowledgement: it is there.
must mkdir "$snapshots/last"
pid=$("$mendfs" status "$mnt" --json | sed -n 's/.*"pid":\([0-9]*\).*/\1/p')
kill -9 "$pid"
must "$mendfs" umount "$mnt"
must "$mendfs" mount "$store" "$mnt"
same third "$(cat "$snapshots/last/files/docs/note")"

# Not mounted the answers are the same.
mounted=$("$mendfs" snapshot list "$mnt")
unmount
same "$mounted" "$("$mendfs" snapshot list "$store")"
must "$mendfs" snapshot create "$store" offline v1 >/dev/null
must "$mendfs" snapshot delete "$store" last >/dev/null
must "$mendfs" fsck -n "$store" >/dev/null
must "$mendfs" mount "$store" "$mnt" -o ro
must diff -r kept "$snapshots/offline/files"
refused "Read-only file system" mkdir "$snapshots/ro"
refused "Read-only file system" rmdir "$snapshots/v1"
refused "read-only" "$mendfs" snapshot create "$mnt" ro
unmount
