# Tables in and out through a mount: a social graph as JSON lines and as CSV goes out, in and out again
# with the same bytes; merge and replace are seen in the mount; what is killed leaves nothing.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need python3
start

# ---- a graph of 10,000 people and 200,000 edges
cat >make_graph.py <<'END'
import random, sys
r = random.Random(int(sys.argv[1]))
n, m = 10000, 200000
for i in range(n):
    city = ['Oslo', '', 'S\u00e3o "Paulo"', 'a,b', '\U0001f600'][r.randrange(5)].replace('"', '\\"')
    print('{"type":"Person","data":{"name":"p%05d","age":%d,"city":"%s"}}' % (i, r.randrange(150), city))
seen = set()
while len(seen) < m:
    pair = r.randrange(n), min(n - 1, int(r.paretovariate(1.1)) - 1) if r.random() < 0.5 else r.randrange(n)
    if pair in seen: continue
    seen.add(pair)
    print('{"edge":"Knows","from":"p%05d","to":"p%05d","data":{"since":"20%02d-02-03"}}' % (*pair, r.randrange(10, 24)))
END
python3 make_graph.py 1 >graph.jsonl
must "$mendfs" mkfs one --schema schema >/dev/null
must "$mendfs" load one graph.jsonl --mode append >/dev/null
"$mendfs" export one >one.jsonl
must "$mendfs" mkfs two --schema schema >/dev/null
must "$mendfs" load two one.jsonl --mode append >/dev/null
"$mendfs" export two | cmp - one.jsonl || fail "JSON lines did not come back as they went"

# ---- the same as tables, in folders
mkdir -p tables/nodes tables/edges
must "$mendfs" export one --type Person --format csv -o tables/nodes/Person.csv
must "$mendfs" export one --type Knows --format csv -o tables/edges/Knows.csv
must "$mendfs" mkfs three --schema schema >/dev/null
must "$mendfs" load three tables --mode append >/dev/null
"$mendfs" export three | cmp - one.jsonl || fail "CSV did not come back as it went"
"$mendfs" export three --type Knows --format csv | cmp - tables/edges/Knows.csv
holds "$("$mendfs" fsck three)" clean

# ---- merged over what is there, nothing changes; replaced by another graph, nothing of it is left
head_before=$("$mendfs" log three -n 1 --json)
must "$mendfs" load three tables --mode merge >/dev/null
same "$head_before" "$("$mendfs" log three -n 1 --json)"
python3 make_graph.py 2 | "$mendfs" load three - --mode replace >said
holds "$(cat said)" "took away 0 nodes and"
python3 make_graph.py 2 >other.jsonl
must "$mendfs" mkfs four --schema schema >/dev/null
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
