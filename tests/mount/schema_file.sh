#!/bin/bash
# schema.graph: renames, and texts that are refused. Rows, edges, indexes and loaded rows survive both.
. "${MENDFS_SOURCE:?}/tests/mount/lib.sh"
need python3
start
graph=$mnt/schema.graph
for i in $(seq 100); do echo '{"type":"Person","data":{"name":"p'"$i"'","city":"Rome"}}'; done >people.jsonl
echo '{"edge":"Knows","from":"p1","to":"alice","data":{}}' >>people.jsonl
must "$mendfs" load "$mnt" people.jsonl --mode append >/dev/null

# A property of a type with rows keeps its name: their bodies say it.
before=$("$mendfs" export "$mnt")
text=$(cat "$graph")
refused "Invalid argument" cp <(sed 's/age: I32?/years: I32? @rename_from(age)/' "$graph") "$graph"
holds "$("$mendfs" why "$mnt")" rename-on-populated
refused rename-on-populated "$mendfs" schema apply "$mnt" \
  <(sed 's/city: String?/town: String? @rename_from(city)/' "$graph")
same "$text" "$(cat "$graph")"
same "$before" "$("$mendfs" export "$mnt")"
must cp "$people/bob.json" copy.json
must cp copy.json "$people/bob.json"

# An empty text drops nothing: truncate hears it, a shell's `: >` leaves the sentence to `why`.
refused "Invalid argument" python3 -c 'import os, sys; os.truncate(sys.argv[1], 0)' "$graph"
refused "Invalid argument" python3 -c 'import sys; f = open(sys.argv[1], "r+"); f.truncate(0); f.close()' "$graph"
holds "$("$mendfs" why "$mnt")" "drop every type"
: >"$graph"
same "$text" "$(cat "$graph")"

# A type is renamed with its rows, edges and indexes, those of a load included.
sed -e 's/node Person {/node Human @rename_from(Person) {/' -e 's/Person/Human/g' \
  -e 's/@rename_from(Human)/@rename_from(Person)/' -e 's/city: String?/city: String? @index/' \
  "$graph" >renamed.graph
must cp renamed.graph "$graph"
people=$mnt/nodes/Human
soon test ! -e "$mnt/nodes/Person"
same '{"name":"bob","age":40}' "$(cat "$people/bob.json")"
same '{"name":"p7","city":"Rome"}' "$(cat "$people/p7.json")"
same "alice~bob.json bob~carol.json p1~alice.json " "$(names "$knows")"
same '{"name":"bob","age":40}' "$(cat "$mnt/graph/Human/alice/out/Knows/bob/row.json")"
must cp "$people/p7.json" copy.json
must cp copy.json "$people/p7.json"
same "${before//\"Person\"/\"Human\"}" "$("$mendfs" export "$mnt")"
remount
same "${before//\"Person\"/\"Human\"}" "$("$mendfs" export "$mnt")"
must "$mendfs" export "$mnt" -o out.jsonl
must "$mendfs" schema show "$mnt" >shown.graph
must "$mendfs" mkfs second --schema shown.graph >/dev/null
must "$mendfs" load second out.jsonl --mode append >/dev/null
must cmp out.jsonl <("$mendfs" export second)

# An edge that its type has no room for is refused at its open, where a shell hears it.
{ cat "$graph" && echo 'edge Likes: Human -> Human @card(0..1)'; } >bounded.graph
must cp bounded.graph "$graph"
likes=$mnt/edges/Likes
must touch "$likes/bob~alice.json"
same "" "$(cat "$likes/bob~alice.json")"
refused "Too many links" bash -c ": >'$likes/bob~carol.json'"
refused "Too many links" touch "$likes/bob~carol.json"
same "bob~alice.json " "$(names "$likes")"
holds "$("$mendfs" why "$mnt")" "@card"

must rm "$people/p1.json"
same "alice~bob.json bob~carol.json " "$(names "$knows")"
unmount
must "$mendfs" fsck -n "$store" >/dev/null
must "$mendfs" fsck -n second >/dev/null
