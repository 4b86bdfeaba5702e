# A flipped bit in the manifest's LevelDB: what the journal holds comes back, or is shown read-only, and
# is named by the check; nothing vanishes silently.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need python3
start

folded() { "$mendfs" status "$mnt" --json | python3 -c 'import json,sys; print(json.load(sys.stdin)["seq"]["folded"])'; }
# What was written before is folded.
fold() {
  local before
  before=$(folded)
  printf '{"age":3}\n' >"$people/mark.json"
  fold_happened() { [[ $(folded) -gt $before ]]; }
  soon fold_happened
}
# flip FILE OFFSET BIT
flip() {
  python3 - "$@" <<'END'
import sys
name, offset, bit = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
with open(name, "r+b") as file:
    file.seek(offset)
    byte = file.read(1)[0]
    file.seek(offset)
    file.write(bytes([byte ^ (1 << bit)]))
END
}
# checked CODE WORD: what the check answers and says
checked() {
  local said code=0
  said=$(fsck.mendfs -n "$store" 2>&1) || code=$?
  same "$1" "$code"
  holds "$said" "$2"
}
newest_log() { ls "$store"/manifest/*.log | tail -n 1; }

# ---- LevelDB's log, in its middle
for i in $(seq 300); do
  printf '{"age":%d}\n' $((i % 100)) >"$people/p$i.json"
done
fold
for i in $(seq 40); do
  printf '{"age":99,"city":"Oslo"}\n' >"$people/p$i.json"
done
fold
must rm "$people/p300.json"
fold
must "$mendfs" export "$mnt" >before.jsonl
unmount
checked 0 clean
log=$(newest_log)
flip "$log" $(($(stat -c %s "$log") / 2)) 3
sums=$(traces "$store")
checked 4 "$(basename "$log") is damaged behind byte"
holds "$("$mendfs" status "$store")" "degraded"
must "$mendfs" mount "$store" "$mnt" -o ro
same degraded "$(cat "$mnt/.mend/health")"
must "$mendfs" export "$mnt" >readonly.jsonl
must cmp before.jsonl readonly.jsonl
unmount
same "$sums" "$(traces "$store")"
must "$mendfs" mount "$store" "$mnt"
must "$mendfs" export "$mnt" >after.jsonl
must cmp before.jsonl after.jsonl
same ok "$(cat "$mnt/.mend/health")"
same 303 "$(ls "$people" | wc -l)"
unmount
checked 0 clean

# ---- LevelDB's list of tables, at its end: a table is lost, and newer folds stand in the log
must "$mendfs" mount "$store" "$mnt"
log=$(newest_log)
must dd if=/dev/urandom of="$mnt/files/big.1" bs=4k count=220 status=none
# Files of one short piece stand in LevelDB.
python3 - "$mnt/files" <<'END'
import os, sys
for at in range(5000):
    with open(f"{sys.argv[1]}/small.{at}", "wb") as file:
        file.write(os.urandom(4000))
END
next_log() { [[ $(newest_log) != "$log" && ! -e $log ]]; }
turn() { printf '{"age":1}\n' >"$people/turn.json" && sleep 1 && next_log; }
soon turn
printf '{"age":2}\n' >"$people/late.json"
fold
unmount
checked 0 clean
list=$(ls "$store"/manifest/MANIFEST-*)
at=$(python3 - "$list" <<'END'
import sys
data = open(sys.argv[1], "rb").read()
at = last = 0
while at + 7 <= len(data):
    last = at
    at += 7 + data[at + 4] + 256 * data[at + 5]
print(last + 5)
END
)
flip "$list" "$at" 6
sums=$(traces "$store")
checked 4 "is missing"
for options in rw ro; do
  must "$mendfs" mount "$store" "$mnt" -o "$options" 2>said
  holds "$(cat said)" "READ-ONLY"
  holds "$(cat said)" "is missing"
  same readonly "$(cat "$mnt/.mend/health")"
  holds "$("$mendfs" status "$mnt")" "read from the journal"
  same '{"age":2}' "$(cat "$people/late.json")"
  same 901120 "$(stat -c %s "$mnt/files/big.1")"
  refused "Read-only" touch "$mnt/files/x"
  unmount
done
same "$sums" "$(traces "$store")"
# Without the journal no state verifies; what is left is shown to who asks for it.
mv "$store/journal" journal
mkdir "$store/journal"
sums=$(traces "$store")
refused "no state of the store verifies" "$mendfs" mount "$store" "$mnt"
same "$sums" "$(traces "$store")"
rmdir "$store/journal"
mv journal "$store/journal"
flip "$list" "$at" 6
checked 0 clean
must "$mendfs" mount "$store" "$mnt"
same 901120 "$(stat -c %s "$mnt/files/big.1")"
