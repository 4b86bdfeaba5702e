#!/bin/bash
# Rows under ls, cat, cp, mv, rm, jq, grep -r, find, touch and the shell's own redirections.
. "${MENDFS_SOURCE:?}/tests/mount/lib.sh"
need jq
start

# ls and cat: each row once, under the name that opens it, bytes as they were written.
same "alice.json bob.json carol.json " "$(names "$people")"
same "alice~bob.json bob~carol.json " "$(names "$knows")"
same '{"age":50,"city":"Rome"}' "$(cat "$people/carol.json")"
same 25 "$(stat -c %s "$people/carol.json")"
same "1 regular file" "$(stat -c '%h %F' "$people/carol.json")"
printf '{ "age" :\t1 }\n\n\n' >odd
must cp odd "$people/odd.json"
must cmp odd "$people/odd.json"

# jq over rows, and out of one into another.
same 120 "$(jq -s 'map(select(.age > 1).age) | add' "$people"/*.json)"
jq -c '.age += 1' "$people/alice.json" >"$people/.new" && must mv "$people/.new" "$people/alice.json"
same 31 "$(jq .age "$people/alice.json")"
same "alice~bob.json bob~carol.json " "$(names "$knows")"

# grep -r and find meet each datum once.
same "$people/carol.json" "$(grep -rl Rome "$mnt/nodes")"
same 1 "$(grep -r Rome "$mnt/nodes" "$mnt/edges" "$mnt/files" | wc -l)"
same 6 "$(find "$mnt/nodes" "$mnt/edges" -type f | wc -l)"
same "$people/odd.json" "$(find "$mnt/nodes" -name 'o*.json')"

# The shell hears a refusal at once, and nothing has changed.
before=$(cat "$people/bob.json")
refused "Invalid argument" bash -c "echo '{bad}' >'$people/bob.json'"
refused "Invalid argument" bash -c "echo '{\"age\":151}' >'$people/bob.json'"
refused "Invalid argument" bash -c "echo '{\"age\":1}' >>'$people/bob.json'"
same "$before" "$(cat "$people/bob.json")"
holds "$(cat "$mnt/.mend/last_error")" "bob"
holds "$("$mendfs" why "$mnt" 2>/dev/null || cat "$mnt/.mend/last_error")" "age"
soon test -e "$mnt/.mend/rejected/Person/bob.json.1"
same "{bad}" "$(cat "$mnt/.mend/rejected/Person/bob.json.1")"
refused "Invalid argument" bash -c "echo '{}' >'$knows/alice~nobody.json'"
refused "Invalid argument" bash -c "echo '{}' >'$people/%zz.json'"
refused "File too large" dd if=/dev/zero of="$people/big.json" bs=1M count=17 status=none
soon test ! -e "$people/big.json"

# A body in many writes, and one through a pipeline whose parts all close it.
{ echo '{'; echo '"age": 7'; echo '}'; } >"$people/bob.json"
same 7 "$(jq .age "$people/bob.json")"
(echo -n '{"age":'; (echo -n 8); echo '}') | tee "$people/bob.json" >/dev/null
same 8 "$(jq .age "$people/bob.json")"

# touch: an existing row gets its time; a new node row needs bytes, a new edge none.
must touch -d 2001-02-03T04:05:06Z "$people/bob.json"
same 981173106 "$(stat -c %Y "$people/bob.json")"
same 8 "$(jq .age "$people/bob.json")"
must touch "$people/nothing.json"
soon test ! -e "$people/nothing.json"
must touch "$knows/carol~alice.json"
soon bash -c "ls '$knows' | grep -qx 'carol~alice.json'"
same "" "$(cat "$knows/carol~alice.json")"
must chmod 600 "$people/bob.json"
same 600 "$(stat -c %a "$people/bob.json")"

# mv: within a type it is the key that changes; the number and the edges stay.
number=$(stat -c %i "$people/carol.json")
must mv "$people/carol.json" "$people/caroline.json"
same "$number" "$(stat -c %i "$people/caroline.json")"
soon test ! -e "$people/carol.json"
same "alice~bob.json bob~caroline.json caroline~alice.json " "$(names "$knows")"
must mv "$people/alice.json" "$people/alicia.json"  # its body says alice, and follows
same '{"name":"alicia","age":31}' "$(cat "$people/alicia.json")"
must mv "$people/alicia.json" "$people/alice.json"
same '{"name":"alice","age":31}' "$(cat "$people/alice.json")"
must mv "$people/odd.json" "$mnt/files/odd.json"  # across planes mv copies
absent "$people/odd.json"
must mv "$mnt/files/odd.json" "$people/odd.json"
must cmp odd "$people/odd.json"

# What a table is not for.
refused "Operation not permitted" mkdir "$people/dir"
refused "Operation not permitted" ln "$people/bob.json" "$people/rob.json"
refused "Operation not permitted" ln -s bob.json "$people/rob.json"
refused "not empty" rmdir "$people"

# rm takes the edges with it.
must rm "$people/bob.json"
absent "$people/bob.json"
soon test ! -e "$knows/alice~bob.json"
same "caroline~alice.json " "$(names "$knows")"

# mkdir makes a type of whatever JSON objects.
must mkdir "$mnt/nodes/Note"
echo '{"any": [1, {"thing": null}]}' >"$mnt/nodes/Note/one two.json"
same "one two.json " "$(names "$mnt/nodes/Note")"

# It is all there after a remount.
remount
same "alice.json caroline.json odd.json " "$(names "$people")"
must cmp odd "$people/odd.json"
same "one two.json " "$(names "$mnt/nodes/Note")"
same ok "$(cat "$mnt/.mend/health")"
