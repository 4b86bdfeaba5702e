#!/bin/bash
# What differs between two moments, mounted and not, with rows, files and the schema changed by
# ordinary tools.
. "${MENDFS_SOURCE:?}/tests/mount/lib.sh"
need sha256sum
start
mkdir -p "$mnt/files/docs/deep"
echo first >"$mnt/files/docs/note"
echo stays >"$mnt/files/docs/deep/same"
echo gone >"$mnt/files/gone"
must mkdir "$mnt/.mend/snapshots/before"
same "nothing differs" "$("$mendfs" diff "$mnt" before --stat)"

printf '{"name":"alice","age":31}\n' >"$people/alice.json"
rm "$people/bob.json"
printf '{"name":"dora"}\n' >"$people/dora.json"
printf '{}\n' >"$knows/alice~dora.json"
printf 'changed\n' >"$mnt/files/docs/note"
must mv "$mnt/files/docs" "$mnt/files/papers"
rm "$mnt/files/gone"
echo new >"$mnt/files/new name"
must touch "$mnt/files/papers/deep/same"
# Deletes wait two seconds for an editor that saves.
soon bash -c "'$mendfs' diff '$mnt' before | grep -q 'D  nodes/Person/bob.json'"
must mkdir "$mnt/.mend/snapshots/after"
wanted='M  nodes/Person/alice.json
     age: 30 -> 31
D  nodes/Person/bob.json
A  nodes/Person/dora.json
D  edges/Knows/alice~bob.json
A  edges/Knows/alice~dora.json
D  edges/Knows/bob~carol.json
D  files/gone
A  files/new name
R  files/docs -> files/papers
M  files/papers/note  6 -> 8 bytes'
same "$wanted" "$("$mendfs" diff "$mnt" before..after)"
same "$wanted" "$("$mendfs" diff "$mnt" before)"
hash=$(sha256sum <"$mnt/files/papers/note" | cut -d' ' -f1)
holds "$("$mendfs" diff "$mnt" before..after --json)" "\"sha256\":\"$hash\""
holds "$("$mendfs" diff "$mnt" before..after --json)" '"cells":{"age":{"before":30,"after":31}}'
same "edges/Knows: 1 added, 2 removed
files: 1 added, 1 removed, 1 changed, 1 renamed
nodes/Person: 1 added, 1 removed, 1 changed" "$("$mendfs" diff "$mnt" before..after --stat)"
holds "$("$mendfs" show "$mnt" after)" "holds    3 nodes"
refused "names no commit" "$mendfs" diff "$mnt" before..nothing

echo 'node Extra { name: String @key }' >>schema
must "$mendfs" schema apply "$mnt" schema >/dev/null
same "M  schema.graph" "$("$mendfs" diff "$mnt" after)"
same 1 "$("$mendfs" log "$mnt" --since HEAD~1 -n 10 | wc -l)"
unmount
same "$wanted" "$("$mendfs" diff "$store" before..after)"
holds "$("$mendfs" show "$store" HEAD --stat)" "schema.graph: changed"
