#!/bin/bash
# A row with many edges: it goes at once with all of them, and what is left behind is cleared by
# whatever mount comes next, also after a kill.
. "${MENDFS_SOURCE:?}/tests/mount/lib.sh"
need python3
start
edges() {
  "$mendfs" status "$1" --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["counts"]["edges"])'
}
python3 - >hub.jsonl <<'END2'
print('{"type":"Person","data":{"name":"hub"}}')
for i in range(20000):
    print('{"edge":"Knows","from":"hub","to":"%s","n":%d}' % (("alice", "bob", "carol")[i % 3], i // 3 + 1))
END2
must "$mendfs" load "$mnt" hub.jsonl --mode append >/dev/null
same 20002 "$(ls "$knows" | wc -l)"
exported=$("$mendfs" export "$mnt" | grep -vc '"hub"')

must rm "$people/hub.json"
same "alice~bob.json bob~carol.json " "$(names "$knows")"
same "" "$(names "$mnt/graph/Person/alice/in/Knows")"
same "$exported" "$("$mendfs" export "$mnt" | wc -l)"
must "$mendfs" flush "$mnt" >/dev/null
unmount
holds "$("$mendfs" fsck -n "$store")" "2 edges"

# Killed in the middle of it.
must "$mendfs" mount "$store" "$mnt"
pid=$(sed -n 's/^pid \([0-9]*\) .*/\1/p' "$store/LOCK")
kill -KILL "$pid"
umount -l "$mnt"
soon bash -c "! kill -0 $pid"
must "$mendfs" fsck -n "$store" >/dev/null
must "$mendfs" mount "$store" "$mnt"
swept() { [[ $(edges "$mnt") == 2 ]]; }
soon swept
same "alice~bob.json bob~carol.json " "$(names "$knows")"
unmount
same 2 "$(edges "$store")"
holds "$("$mendfs" fsck -n "$store")" "2 edges"
