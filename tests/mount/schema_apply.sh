#!/bin/bash
# schema plan and apply: what is checked over the rows, what takes data away, mounted and offline,
# and the past afterwards.
. "${MENDFS_SOURCE:?}/tests/mount/lib.sh"
need python3
start
graph=$mnt/schema.graph
before=$("$mendfs" export "$mnt")
text=$(cat "$graph")
newest() {
  "$mendfs" log "$mnt" -n 1 --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["id"][:16])'
}
# The newest commit has all of it.
has_all() {
  [[ -e $mnt/.mend/at/$(newest)/edges/Knows/bob~carol.json ]]
}
soon has_all
base=$(newest)

# exits CODE COMMAND…
exits() {
  local want=$1 code=0
  shift
  "$@" >out.txt 2>err.txt || code=$?
  [[ $code == "$want" ]] || fail "wanted exit code $want, saw $code of: $* ($(cat out.txt err.txt))"
}

# A constraint that some row breaks is refused with the row, by the file and by the verb; one that
# all rows keep is accepted.
sed 's/@range(0..150)/@range(0..39)/' <<<"$text" >tight.graph
refused "Invalid argument" cp tight.graph "$graph"
holds "$("$mendfs" why "$mnt")" "Person/bob does not fit"
exits 1 "$mendfs" schema plan "$mnt" tight.graph
holds "$(cat out.txt)" "refused      change @range of Person.age"
holds "$(cat err.txt)" "(constraint-on-populated)"
exits 1 "$mendfs" schema apply "$mnt" tight.graph
same "$text" "$(cat "$graph")"
sed 's/@range(0..150)/@range(0..60)/' <<<"$text" >wide.graph
exits 0 "$mendfs" schema plan "$mnt" wide.graph
holds "$(cat out.txt)" "checked      change @range of Person.age"
same "$text" "$(cat "$graph")"
must cp wide.graph "$graph"
refused "Invalid argument" bash -c "echo '{\"age\":61}' >'$people/dora.json'"

# What drops something is refused in the file, and why names the command.
sed -e '/^edge.*{$/,/^}/d' -e '/^edge/d' -e '/age:/d' "$graph" >less.graph
refused "Invalid argument" cp less.graph "$graph"
holds "$("$mendfs" why "$mnt")" "mendfs schema apply STORE|MOUNT FILE --allow-data-loss"
same "$before" "$("$mendfs" export "$mnt")"
exits 1 "$mendfs" schema apply "$mnt" less.graph
exits 2 "$mendfs" schema apply "$mnt" less.graph --allow-data-loss --act

# It is shown first, and done when that plan is confirmed.
exits 0 "$mendfs" schema apply "$mnt" less.graph --allow-data-loss
holds "$(cat out.txt)" "destructive  drop property Person.age"
holds "$(cat out.txt)" "nothing was changed"
same "$before" "$("$mendfs" export "$mnt")"
plan=$("$mendfs" schema plan "$mnt" less.graph --allow-data-loss --json |
  python3 -c 'import json, sys; print(json.load(sys.stdin)["plan"])')
exits 4 "$mendfs" schema apply "$mnt" less.graph --allow-data-loss --confirm 0000000000000000
exits 0 "$mendfs" schema apply "$mnt" less.graph --allow-data-loss --confirm "$plan"
absent "$mnt/edges/Knows"
same '{"name":"bob"}' "$(cat "$people/bob.json")"
absent "$mnt/graph/Person/alice/out/Knows"

# The past has it all.
past=$mnt/.mend/at/$base
same '{"name":"bob","age":40}' "$(cat "$past/nodes/Person/bob.json")"
same "alice~bob.json bob~carol.json " "$(names "$past/edges/Knows")"
same "$text" "$(cat "$past/schema.graph")"

# Dropped and added again is a new life, also after the store was closed; without a mount the verbs
# say the same.
unmount
must "$mendfs" fsck -n "$store" >/dev/null
echo "$text" >again.graph
exits 0 "$mendfs" schema plan "$store" again.graph
holds "$(cat out.txt)" "safe         add edge Knows"
exits 0 "$mendfs" schema apply "$store" again.graph
exits 0 "$mendfs" schema apply "$store" again.graph
same "schema unchanged" "$(cat out.txt)"
same "$("$mendfs" export "$store" | grep -v Person)" ""
exits 0 "$mendfs" schema apply "$store" less.graph --allow-data-loss --act --yes --json
python3 -c 'import json; a = json.load(open("out.txt")); assert a["applied"] and a["commit"], a'
must "$mendfs" fsck -n "$store" >/dev/null
must "$mendfs" mount "$store" "$mnt"
same "alice.json bob.json carol.json " "$(names "$people")"
unmount

# Rows go once their time has passed, by a commit of their own, while the store is mounted.
cat >expiring.graph <<'END'
node Person { name: String @key, city: String? }
node City { name: String @key }
node Note @ttl(gone) { name: String @key, gone: DateTime? }
END
exits 0 "$mendfs" schema apply "$store" expiring.graph
must "$mendfs" mount "$store" "$mnt"
echo '{"gone":"2100-01-01T00:00Z"}' >"$mnt/nodes/Note/stays.json"
echo '{"gone":"2020-01-01T00:00Z"}' >"$mnt/nodes/Note/goes.json"
soon test ! -e "$mnt/nodes/Note/goes.json"
same "stays.json " "$(names "$mnt/nodes/Note")"
holds "$("$mendfs" log "$mnt" --json)" '"actor":"ttl"'
unmount
must "$mendfs" fsck -n "$store" >/dev/null
