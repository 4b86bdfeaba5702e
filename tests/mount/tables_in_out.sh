# Tables in and out through a mount: a social graph as JSON lines and as CSV goes out, in and out again
# with the same bytes; merge and replace are seen in the mount; what is killed leaves nothing.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need python3 "${CXX:-c++}"
start

# ---- a graph of 10,000 people and 200,000 acquaintances, and where they live and work
graph=$MENDFS_SOURCE/bench/social.graph
must "${CXX:-c++}" -O1 -std=c++20 -o social_graph "$MENDFS_SOURCE/bench/social_graph.cc"
./social_graph 10000 20 >graph.jsonl
same 200000 "$(grep -c '"Knows"' graph.jsonl)"
must "$mendfs" mkfs one --schema "$graph" >/dev/null
must "$mendfs" load one graph.jsonl --mode append >/dev/null
"$mendfs" export one >one.jsonl
same "$(wc -l <graph.jsonl)" "$(wc -l <one.jsonl)"
must "$mendfs" mkfs two --schema "$graph" >/dev/null
must "$mendfs" load two one.jsonl --mode append >/dev/null
"$mendfs" export two | cmp - one.jsonl || fail "JSON lines did not come back as they went"

# ---- the same as tables, in folders
mkdir -p tables/nodes tables/edges
for type in Person City Company; do
  must "$mendfs" export one --type "$type" --format csv -o "tables/nodes/$type.csv"
done
for type in Knows LivesIn WorksAt; do
  must "$mendfs" export one --type "$type" --format csv -o "tables/edges/$type.csv"
done
must "$mendfs" mkfs three --schema "$graph" >/dev/null
must "$mendfs" load three tables --mode append >/dev/null
for table in nodes/Person nodes/City nodes/Company edges/Knows edges/LivesIn edges/WorksAt; do
  "$mendfs" export three --type "${table#*/}" --format csv | cmp - "tables/$table.csv" ||
    fail "CSV did not come back as it went"
done
holds "$("$mendfs" fsck three)" clean

# ---- merged over what is there, nothing changes; replaced by another graph, nothing of it is left
head_before=$("$mendfs" log three -n 1 --json)
must "$mendfs" load three tables --mode merge >/dev/null
same "$head_before" "$("$mendfs" log three -n 1 --json)"
./social_graph 9000 20 2 | "$mendfs" load three - --mode replace >said
holds "$(cat said)" "took away 1,020 nodes and"
./social_graph 9000 20 2 >other.jsonl
must "$mendfs" mkfs four --schema "$graph" >/dev/null
must "$mendfs" load four other.jsonl --mode append >/dev/null
"$mendfs" export four >four.jsonl
"$mendfs" export three | cmp - four.jsonl || fail "replace left something else than its input"
holds "$("$mendfs" fsck three)" clean

# ---- killed while it runs: the old state
"$mendfs" load three graph.jsonl --mode replace >/dev/null &
loader=$!
sleep 0.3
kill -KILL "$loader" && wait "$loader" || true
"$mendfs" export three >after
cmp -s after four.jsonl || cmp after one.jsonl || fail "a killed load left a part"
holds "$("$mendfs" fsck three)" clean

# ---- seen in a mount at once
printf 'name,age,city\nalice,31,\ndora,7,Rome\n' >Person.csv
must "$mendfs" load "$mnt" Person.csv --mode merge
same '{"name":"alice","age":31}' "$(cat "$people/alice.json")"
same '{"name":"dora","age":7,"city":"Rome"}' "$(cat "$people/dora.json")"
same "alice~bob.json bob~carol.json " "$(names "$knows")"
must "$mendfs" load "$mnt" Person.csv --mode replace
same "alice.json dora.json " "$(names "$people")"
same "" "$(names "$knows")"
absent "$people/bob.json"

# ---- refused, with line and column
printf 'name,age\r\n"x\r\ny",1\r\nz,1000\r\n' >bad.csv
refused "bad.csv:4:3: " "$mendfs" load "$mnt" bad.csv --mode merge --type Person
refused "--mode is missing" "$mendfs" load "$mnt" Person.csv

# ---- conditions
sleep 2.5 # until the mount has closed its commit
id=$("$mendfs" log "$mnt" -n 1 --json | python3 -c 'import json, sys; print(json.loads(sys.stdin.readline())["id"])')
printf 'name\neve\n' | "$mendfs" load "$mnt" - --format csv --type Person --mode append --if-commit "$id"
code=0
printf 'name\nfay\n' | "$mendfs" load "$mnt" - --format csv --type Person --mode append --if-commit "$id" 2>said || code=$?
same 4 "$code"
code=0
printf 'name\nfay\n' | "$mendfs" load "$mnt" - --format csv --type Person --mode append --from "$id" 2>said || code=$?
same 4 "$code"
holds "$(cat said)" 'Person "eve" was added since'
same "alice.json dora.json eve.json " "$(names "$people")"
