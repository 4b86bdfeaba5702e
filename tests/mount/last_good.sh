#!/bin/bash
# A store whose newest state does not verify comes up read-only at the newest that does: mount says so
# and ends with 0, health, status, why and doctor tell the reason, nothing is written to the store.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need python3
start
unmount
# Rows that are durable, not folded, by a daemon that is killed.
must "$mendfs" mount "$store" "$mnt" -o commit=1h
for i in $(seq 200); do printf '{"age":%d}\n' $((i % 100)) >"$people/p$i.json"; done
for i in $(seq 20); do echo "file $i" >"$mnt/files/f$i"; done
must "$mendfs" flush "$mnt" >/dev/null
must "$mendfs" export "$mnt" >newest.jsonl
kill -9 "$(sed -n 's/^pid \([0-9]*\) .*/\1/p' "$store/LOCK")"
soon umount -l "$mnt"
must cp -a "$store" whole

anew() { unmount && rm -rf "$store" && cp -a whole "$store"; }
# flip FILE OFFSET
flip() {
  python3 - "$@" <<'END'
import sys
with open(sys.argv[1], "r+b") as file:
    file.seek(int(sys.argv[2]))
    byte = file.read(1)[0]
    file.seek(int(sys.argv[2]))
    file.write(bytes([byte ^ 16]))
END
}
# mounted_read_only WORD: mounting works, everything says that it is read-only and why.
mounted_read_only() {
  local code=0
  before=$(traces "$store")
  "$mendfs" mount "$store" "$mnt" 2>said || code=$?
  same 0 "$code"
  holds "$(cat said)" "mounted READ-ONLY: "
  holds "$(cat said)" "$1"
  same readonly "$(cat "$mnt/.mend/health")"
  holds "$(cat "$mnt/.mend/status.json")" '"health":"readonly"'
  holds "$(cat "$mnt/.mend/status.json")" "$1"
  holds "$("$mendfs" status "$mnt")" "$1"
  holds "$("$mendfs" status "$mnt")" "read-only, pid"
  holds "$("$mendfs" why "$mnt")" "$1"
  code=0
  "$mendfs" doctor "$mnt" >said 2>&1 || code=$?
  same 1 "$code"
  holds "$(cat said)" "Its health is readonly: "
  holds "$(cat said)" "$1"
  refused "Read-only file system" touch "$mnt/files/x"
  refused "Read-only file system" rm "$people/alice.json"
  refused "read-only" "$mendfs" load "$mnt" newest.jsonl --mode append
  must "$mendfs" export "$mnt" >shown.jsonl
}
# untouched: what the mount found it has left; the offline tools tell the same.
untouched() {
  unmount
  same "$before" "$(traces "$store")"
  holds "$("$mendfs" status "$store")" "$1"
  holds "$("$mendfs" doctor "$store" || true)" "$1"
}

# ---- a byte of a durable record
segment=$(ls "$store"/journal/*.log)
name=$(basename "$segment")
at=$(grep -abo 'p120' "$segment" | head -n 1 | cut -d: -f1)
flip "$segment" "$at"
mounted_read_only "$name"
holds "$(cat said)" "Shown is change "
holds "$(cat said)" " of 20" # the time of its commit
same '{"age":19}' "$(cat "$people/p119.json")"
absent "$people/p120.json"
absent "$people/p200.json"
absent "$mnt/files/f1"
same 122 "$(ls "$people" | wc -l)"
untouched "$name"
mounted_read_only "$name" # and again
unmount
flip "$segment" "$at"
must "$mendfs" mount "$store" "$mnt" 2>said
same "" "$(cat said)"
must "$mendfs" export "$mnt" >shown.jsonl
must cmp newest.jsonl shown.jsonl
same "file 20" "$(cat "$mnt/files/f20")"

# ---- the segment is gone: what was folded is shown
anew
rm "$store"/journal/*.log
mounted_read_only "journal"
absent "$people/p1.json"
untouched "journal"

# ---- LevelDB's list of tables is gone, the journal has everything
anew
rm "$store/manifest/CURRENT" "$store/LOCK"
mounted_read_only "read from the journal"
must cmp newest.jsonl shown.jsonl
same "file 20" "$(cat "$mnt/files/f20")"
untouched "read from the journal"
absent "$store/LOCK" # none is made for a store that is not written to
# … and with both gone, nothing can be said to be a state.
rm "$store"/journal/*.log
before=$(traces "$store")
refused "no state of the store verifies" "$mendfs" mount "$store" "$mnt"
same "$before" "$(traces "$store")"

# ---- LevelDB's log: the journal has all of it, the store is writable
anew
must "$mendfs" mount "$store" "$mnt"
printf '{"age":1}\n' >"$people/late.json"
folded() { "$mendfs" status "$mnt" --json | python3 -c 'import json,sys; s=json.load(sys.stdin)["seq"]; sys.exit(s["folded"]+2<s["last"])'; }
soon folded
must "$mendfs" export "$mnt" >newest.jsonl
unmount
rm -rf whole && cp -a "$store" whole
log=$(ls "$store"/manifest/*.log | tail -n 1)
flip "$log" $(($(stat -c %s "$log") / 2))
must "$mendfs" mount "$store" "$mnt" 2>said
same "" "$(cat said)"
must "$mendfs" export "$mnt" >shown.jsonl
must cmp newest.jsonl shown.jsonl
must touch "$mnt/files/x"

# ---- a table: read-only with everything, or what is read from it is right or an error
for part in 1 2 3 4 5 6 7 8 9; do
  anew
  for table in "$store"/manifest/*.ldb; do flip "$table" $(($(stat -c %s "$table") * part / 10)); done
  before=$(traces "$store")
  must "$mendfs" mount "$store" "$mnt" 2>said
  if [[ -s said ]]; then
    holds "$(cat said)" "read from the journal"
    must "$mendfs" export "$mnt" >shown.jsonl
    must cmp newest.jsonl shown.jsonl
    unmount
    same "$before" "$(traces "$store")"
  elif "$mendfs" export "$mnt" >shown.jsonl 2>said; then
    must cmp newest.jsonl shown.jsonl
  else
    [[ $(cat "$mnt/.mend/health") != ok ]] || fail "part $part: $(cat said), and its health is ok"
  fi
done

# ---- a damaged sidecar; one of a newer program is no damage
anew
sidecar=$store/sidecars/00112233445566778899aabbccddeeff.json
printf damaged >"$sidecar"
mounted_read_only "$sidecar"
must cmp newest.jsonl shown.jsonl
unmount
same "$before" "$(traces "$store")"
printf '{"mendfs":"sidecar","format_version":99}' >"$sidecar"
refused "newer" "$mendfs" mount "$store" "$mnt"
rm "$sidecar"
must "$mendfs" mount "$store" "$mnt"
same ok "$(cat "$mnt/.mend/health")"
must "$mendfs" doctor "$mnt" >/dev/null
