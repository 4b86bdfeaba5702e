#!/bin/bash
# Many daemons started at once on one store: exactly one mounts, every other names it. A store that is
# copied while it is mounted and written to opens as a state that it was in, or is refused.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need python3
start
unmount
racers=8
for i in $(seq $racers); do mkdir "at$i"; done
unmount_all() { for i in $(seq $racers); do mountpoint -q "at$i" && "$mendfs" umount "at$i"; done; true; }
trap 'unmount_all; unmount || umount -l "$mnt"' EXIT

for round in $(seq 5); do
  pids=()
  for i in $(seq $racers); do
    ("$mendfs" mount "$store" "at$i" 2>"said$i" && echo 0 >"code$i" || echo $? >"code$i") &
    pids+=($!)
  done
  wait "${pids[@]}"
  winners=()
  for i in $(seq $racers); do [[ $(cat "code$i") == 0 ]] && winners+=("$i"); done
  same 1 "${#winners[@]}"
  won=${winners[0]}
  pid=$(sed -n 's/^pid \([0-9]*\) .*/\1/p' "$store/LOCK")
  must test -d "/proc/$pid"
  must mountpoint -q "at$won"
  for i in $(seq $racers); do
    [[ $i != "$won" ]] || continue
    holds "$(cat "said$i")" "pid $pid"
    if mountpoint -q "at$i"; then fail "at$i is mounted too"; fi
  done
  printf '{"age":%d}\n' "$round" >"at$won/nodes/Person/round$round.json"
  "$mendfs" umount "at$won"
done
must "$mendfs" mount "$store" "$mnt"
for round in $(seq 5); do same "{\"age\":$round}" "$(cat "$people/round$round.json")"; done

# Row n is written after row n-1 is durable, and each file before the row that names it.
(
  for i in $(seq 1000); do
    [[ ! -e stop ]] || break
    echo "text $i" >"$mnt/files/t$i"
    printf '{"age":%d}\n' $((i % 100)) >"$people/c$i.json"
    sleep 0.01
  done
) &
writer=$!
opened=0
for copy in $(seq 8); do
  sleep 0.3
  rm -rf copy && cp -a "$store" copy 2>/dev/null || true # a file may go while it is copied
  mkdir -p copied
  if "$mendfs" mount "$PWD/copy" copied 2>said; then
    opened=$((opened + 1))
    must python3 - copied <<'END'
import os, sys
root = sys.argv[1]
rows = sorted(int(n[1:-5]) for n in os.listdir(f"{root}/nodes/Person") if n[0] == "c" and n[1].isdigit())
assert rows == list(range(1, len(rows) + 1)), f"rows are missing: {rows}"
for i in rows:
    seen = open(f"{root}/nodes/Person/c{i}.json").read().strip()
    assert seen == '{"age":%d}' % (i % 100), (i, seen)
    seen = open(f"{root}/files/t{i}").read()
    assert seen == f"text {i}\n", (i, seen)
END
    if [[ $(cat copied/.mend/health) == readonly ]]; then holds "$(cat said)" "READ-ONLY"; fi
    "$mendfs" umount copied
  else
    [[ -s said ]] || fail "refused without a word"
  fi
done
touch stop
wait "$writer"
echo "figure copies_opened $opened of 8"
[[ $opened -gt 0 ]] || fail "no copy opened: $(cat said)"
