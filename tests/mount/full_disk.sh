# A full disk refuses with ENOSPC what adds, goes on with what frees, keeps what is there also through
# a kill and a new mount, and works again once there is room.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
mkdir small mnt_full
mount -t tmpfs -o size=64m none small 2>/dev/null || {
  echo "skipped: no tmpfs can be mounted here"
  exit 77
}
trap '"$mendfs" umount mnt_full >/dev/null 2>&1 || umount -l mnt_full 2>/dev/null || true
      umount -l tiny 2>/dev/null || true; umount -l small' EXIT
store=$PWD/small/store
mnt=$PWD/mnt_full
daemon_log=$PWD/daemon.log

up() {
  must "$mendfs" mount "$store" "$mnt" -o "log=$daemon_log"
}
health() {
  head -n 1 "$mnt/.mend/health"
}
is_health() {
  [[ $(health) == "$1" ]]
}
# The bytes that df says are free.
free_bytes() {
  df -B1 --output=avail "$1" | tail -n 1 | tr -d ' '
}

# A disk that is full already is refused whole.
mkdir tiny
mount -t tmpfs -o size=3m none tiny
refused "nothing was made" "$mendfs" mkfs tiny/store
absent tiny/store
umount tiny

must "$mendfs" mkfs "$store" >/dev/null
[[ $(stat -c %b "$store/reserve") -ge 8192 ]] || fail "the reserve is not allocated"
up
mkdir "$mnt/files/dir" "$mnt/files/empty" "$mnt/nodes/Open"
echo kept >"$mnt/files/kept"
echo old >"$mnt/files/dir/name"
head -c 300000 /dev/urandom >"$mnt/files/cut"
echo '{"a":1}' >"$mnt/nodes/Open/row.json"
echo '{"a":2}' >"$mnt/nodes/Open/gone.json"
[[ $(free_bytes "$mnt/files") -lt $(free_bytes small) ]] || fail "df counts what is not to be had"
refused "No space left" fallocate -l 100M "$mnt/files/cut"

# ---- full, one MiB at a time
head -c 1048576 /dev/urandom >mebibyte
written=0
fill() {
  while cp mebibyte "$mnt/files/big.$written" 2>cp_said; do
    written=$((written + 1))
    [[ $written -lt 150 ]] || fail "64 MiB took 150"
  done
  holds "$(cat cp_said)" "No space left"
  soon is_health degraded
}
fill
[[ $written -ge 20 ]] || fail "only $written MiB of 64 were taken"
holds "$("$mendfs" status "$mnt")" "is full"
same 0 "$(free_bytes "$mnt/files")"

# What adds is refused while the disk is full. Space may come back by itself in between: then it is
# taken, and asked again.
no_room() {
  for _ in $(seq 20); do
    if ! "$@" >no_room_said 2>&1; then
      holds "$(cat no_room_said)" "space"
      return
    fi
    rm -rf "$mnt/files/new" "$mnt/nodes/Open/new.json"
    fill
  done
  fail "never refused: $*"
}
still_works() {
  same kept "$(cat "$mnt/files/kept")"
  same '{"a":1}' "$(cat "$mnt/nodes/Open/row.json")"
  no_room mkdir "$mnt/files/new"
  no_room cp mebibyte "$mnt/files/new"
  no_room bash -c "echo '{}' >'$mnt/nodes/Open/new.json'"
  no_room fallocate -l 1M "$mnt/files/kept"
  must mv "$mnt/files/dir/name" "$mnt/files/dir/moved"
  must mv "$mnt/files/dir/moved" "$mnt/files/dir/name"
  must chmod 600 "$mnt/files/kept"
  must touch -m "$mnt/files/kept"
  must truncate -s "$1" "$mnt/files/cut"
  must "$mendfs" flush "$mnt"
}
still_works 200000
must rmdir "$mnt/files/empty"
must rm "$mnt/nodes/Open/gone.json"
# What was removed comes back by itself, and is full again as soon as somebody takes it.
rm "$mnt/files"/big.?
rm -f "$mnt/files/new"
soon is_health ok
soon bash -c "echo more >>'$mnt/files/dir/name'"
fill
for _ in $(seq 200); do cp mebibyte "$mnt/files/new" 2>/dev/null || true; done
rm -f "$mnt/files/new"
fill
[[ $(grep -c . "$daemon_log") -lt 60 ]] || { tail -n 70 "$daemon_log" >&2; fail "the log has a line for each refusal"; }

# ---- unmounted full, killed full
must "$mendfs" umount "$mnt"
up
fill
still_works 100000
must rm "$mnt/files/big.10"
fill
daemon=$(sed -n 's/.*pid \([0-9]*\).*/\1/p' "$store/LOCK" | head -n 1)
kill -KILL "$daemon"
soon bash -c "! kill -0 $daemon"
umount -l "$mnt" 2>/dev/null || true
up
still_works 50000
absent "$mnt/files/big.0"
absent "$mnt/files/big.10"
cmp mebibyte "$mnt/files/big.12"
echo '{"type":"Open","key":"k","data":{}}' >one.jsonl
refused "is full" "$mendfs" load "$mnt" one.jsonl --mode append

# ---- everything goes
rm -r "$mnt/files"/big.* "$mnt/files/cut"
must "$mendfs" flush "$mnt"
soon is_health ok
soon test -e "$store/reserve"
soon bash -c "echo again >'$mnt/files/again'"
same again "$(cat "$mnt/files/again")"
python3 - <<'END' >load.jsonl
for i in range(200000):
    print('{"type":"Open","key":"k%d","data":{"v":"%s"}}' % (i, (str(i * 7919) * 40)))
END
mount -o remount,size=600m small  # which that takes
must "$mendfs" load "$mnt" load.jsonl --mode append
same 200001 "$(ls -U "$mnt/nodes/Open" | wc -l)"
must "$mendfs" umount "$mnt"
must "$mendfs" mount "$store" "$mnt"
same kept "$(cat "$mnt/files/kept")"
same 200001 "$(ls -U "$mnt/nodes/Open" | wc -l)"
must "$mendfs" umount "$mnt"
must "$mendfs" fsck -n "$store"
