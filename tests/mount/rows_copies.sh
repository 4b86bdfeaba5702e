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
# Once more there is nothing to do: no row is written, so no commit is closed. tar kept no nanoseconds,
# which --checksum, but not the look at times, then sees.
must rsync -a --checksum --no-owner --no-group --omit-dir-times nodes edges "$mnt/"
must "$mendfs" flush "$mnt" >/dev/null
sleep 1.5
head=$("$mendfs" log "$mnt" -n 1 --json)
for check in --times --checksum; do
  same "" "$(rsync -ai "$check" --no-owner --no-group --omit-dir-times nodes/ "$mnt/nodes/")"
  same "" "$(rsync -ai "$check" --no-owner --no-group --omit-dir-times edges/ "$mnt/edges/")"
done
sleep 1.5
same "$head" "$("$mendfs" log "$mnt" -n 1 --json)"
# What the other side does not have goes, with its edges.
mkdir fewer && cp -a nodes/Person fewer/ && rm fewer/Person/p*.json
must rsync -a --delete --no-owner --no-group --omit-dir-times fewer/Person/ "$people/"
same "alice.json bob.json carol.json " "$(names "$people")"
# A tar with one member that is no row: the others come in, and tar says that it failed.
mkdir -p mixed/nodes/Person && cp nodes/Person/p1.json nodes/Person/p2.json mixed/nodes/Person/
echo '{"age":151}' >mixed/nodes/Person/bob.json
tar -cf mixed.tar -C mixed nodes
refused "Invalid argument" tar -xf mixed.tar --no-same-owner -C "$mnt"
same "alice.json bob.json carol.json p1.json p2.json " "$(names "$people")"
must cmp "$people/bob.json" nodes/Person/bob.json
same "alice~bob.json bob~carol.json " "$(names "$knows")"
must rsync -a --no-owner --no-group --omit-dir-times nodes/ "$mnt/nodes/"
must diff -r nodes "$mnt/nodes"

# Away with all of it, and back.
must rm -r "$people"/*.json
same "" "$(names "$people")"
same "" "$(names "$knows")"
must cp nodes/Person/*.json "$people/"
must cp edges/Knows/*.json "$knows/"
must diff -r nodes "$mnt/nodes"
must diff -r edges "$mnt/edges"

# git beside the mount, with the tables as its work tree: what is added is what is listed, a checkout of an
# older state brings rows back as the rows they are, and one that no row can have is refused and leaves
# the row.
if command -v git >/dev/null; then
  git init -q --bare tables.git
  git=(git --git-dir="$PWD/tables.git" --work-tree="$mnt" -c core.bare=false -c user.name=n -c user.email=n@n)
  must cp nodes/Person/bob.json "$people/bob.json"
  cd "$mnt"
  must "${git[@]}" add nodes edges
  same "$(find nodes edges -type f | wc -l)" "$("${git[@]}" ls-files | wc -l)"
  must "${git[@]}" commit -qm first
  same "" "$("${git[@]}" status --porcelain -- nodes edges)"
  number=$(stat -c %i "$people/bob.json")
  must sed -i 's/40/44/' "$people/bob.json"
  must rm "$people/p1.json"
  printf '{"since":"2021-12-31"}\n' >"$knows/alice~bob.json"
  same " M edges/Knows/alice~bob.json  M nodes/Person/bob.json  D nodes/Person/p1.json " \
    "$("${git[@]}" status --porcelain -- nodes edges | tr '\n' ' ')"
  holds "$("${git[@]}" diff -- nodes/Person/bob.json)" '+{"name":"bob","age":44}'
  must "${git[@]}" commit -qam second
  must "${git[@]}" checkout -q HEAD~1
  must cmp "$people/bob.json" "$OLDPWD/nodes/Person/bob.json"
  same "$number" "$(stat -c %i "$people/bob.json")"
  same 1 "$(jq .age "$people/p1.json")"
  same '{"since":"2020-01-01"}' "$(cat "$knows/alice~bob.json")"
  same "" "$("${git[@]}" status --porcelain -- nodes edges)"
  # A state that somebody wrote elsewhere.
  blob=$(echo '{"name":"bob","age":400}' | "${git[@]}" hash-object -w --stdin)
  must "${git[@]}" update-index --cacheinfo "100644,$blob,nodes/Person/bob.json"
  must "${git[@]}" commit -qm third
  refused "unable to write file" "${git[@]}" checkout -q -f HEAD -- nodes/Person/bob.json
  holds "$(head -n 20 .mend/last_error)" "400 is outside"
  soon cmp "$people/bob.json" "$OLDPWD/nodes/Person/bob.json"
  same "$number" "$(stat -c %i "$people/bob.json")"
  must "${git[@]}" checkout -q HEAD~1 -- nodes/Person/bob.json
  must cmp "$people/bob.json" "$OLDPWD/nodes/Person/bob.json"
  cd "$OLDPWD"
fi
