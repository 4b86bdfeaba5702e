#!/bin/bash
# Trees of rows out of the mount and into another: rsync -a, tar, cp -a, diff -r; what comes back is
# what went out, times and modes included.
. "${MENDFS_SOURCE:?}/tests/mount/lib.sh"
need rsync tar
start
for i in $(seq 300); do printf '{"age":%d}\n' $((i % 100)) >"$people/p$i.json"; done
must touch -d 2001-02-03T04:05:06Z "$people/p7.json"
must chmod 640 "$people/p8.json"

# Out: each of them complete, and the same.
must cp -a "$mnt/nodes" "$mnt/edges" .
must diff -r nodes "$mnt/nodes"
must diff -r edges "$mnt/edges"
same 981173106 "$(stat -c %Y nodes/Person/p7.json)"
same 640 "$(stat -c %a nodes/Person/p8.json)"
must rsync -a "$mnt/nodes" rsynced/
must diff -r nodes rsynced/nodes
same "" "$(rsync -ai "$mnt/nodes" rsynced/ | grep '^>f' || true)"  # nothing to do a second time
must tar -cf rows.tar -C "$mnt" nodes edges
same 305 "$(tar -tf rows.tar | grep -c 'json$')"

# Nothing but what is listed: no views, no .mend.
must rsync -a --exclude graph "$mnt/" whole/
same "edges files nodes schema.graph " "$(names whole)"

# A second time nothing has changed for them: times survive a remount.
remount
same "" "$(rsync -ai "$mnt/nodes" rsynced/ | grep '^>f' || true)"

# In: over the rows that are there, they stay what they are.
number=$(stat -c %i "$people/alice.json")
must tar -xf rows.tar --no-same-owner -C "$mnt" nodes edges
same "$number" "$(stat -c %i "$people/alice.json")"
same "alice~bob.json bob~carol.json " "$(names "$knows")"
must diff -r nodes "$mnt/nodes"
echo '{"name":"alice","age":99}' >rsynced/nodes/Person/alice.json
must rsync -a --no-owner --no-group --omit-dir-times rsynced/nodes/ "$mnt/nodes/"
must cmp rsynced/nodes/Person/alice.json "$people/alice.json"
same "$number" "$(stat -c %i "$people/alice.json")"
same "alice~bob.json bob~carol.json " "$(names "$knows")"
must rsync -a --inplace --no-owner --no-group --omit-dir-times nodes/ "$mnt/nodes/"
must diff -r nodes "$mnt/nodes"

# Away with all of it, and back.
must rm -r "$people"/*.json
same "" "$(names "$people")"
same "" "$(names "$knows")"
must cp nodes/Person/*.json "$people/"
must cp edges/Knows/*.json "$knows/"
must diff -r nodes "$mnt/nodes"
must diff -r edges "$mnt/edges"
