# A killed daemon loses nothing that reached it; the next mount recovers and says so. The counts of the
# store tell what it shows, also where nothing was folded.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
start
remount -o commit=30s

daemon() { sed -n 's/^pid \([0-9]*\) .*/\1/p' "$store/LOCK"; }

for round in 1 2 3; do
  for i in $(seq 50); do
    echo "round $round file $i" >"$mnt/files/r$round.$i"
  done
  printf '{"age":%d}\n' "$round" >"$people/p$round.json"
  ln -s "../../../alice" "$mnt/graph/Person/p$round/out/Knows/alice"
  kill -9 "$(daemon)"
  refused "connect" ls "$mnt" # not connected, or aborted in flight
  holds "$("$mendfs" doctor "$mnt" 2>&1 || true)" "umount"
  umount -l "$mnt"
  content="$((3 + round)) nodes, $((2 + round)) edges, $((50 * round)) files"
  holds "$("$mendfs" status "$store")" "$content"
  must "$mendfs" mount "$store" "$mnt" -o ro
  holds "$("$mendfs" status "$mnt")" "$content"
  unmount
  must fsck.mendfs -n --data "$store" >/dev/null
  must "$mendfs" mount "$store" "$mnt" -o commit=30s
  for i in $(seq 50); do
    same "round $round file $i" "$(cat "$mnt/files/r$round.$i")"
  done
  same "{\"age\":$round}" "$(cat "$people/p$round.json")"
  must test -L "$mnt/graph/Person/p$round/out/Knows/alice"
done
same ok "$(cat "$mnt/.mend/health")"
unmount
must "$mendfs" fsck -n "$store"
