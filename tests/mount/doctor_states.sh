#!/bin/bash
# What doctor, status and .mend/health say of a store in every state that it can get into, and with
# which exit code. A row: STATE; the codes and words of `doctor` of the mount and of the store, and of
# `status`.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need python3
start
unmount
cp -a "$store" whole
daemon() { sed -n 's/^pid \([0-9]*\) .*/\1/p' "$store/LOCK"; }
anew() {
  if mountpoint -q "$mnt"; then "$mendfs" umount "$mnt" >/dev/null 2>&1 || umount -l "$mnt"; fi
  chmod -R u+rwX "$store" 2>/dev/null || true
  rm -rf "$store" && cp -a whole "$store"
}
# says CODE WORD COMMAND…: the exit code, and a word of both streams
says() {
  local want=$1 word=$2 said code=0
  shift 2
  said=$(timeout 60 "$@" 2>&1) || code=$?
  holds "$said" "$word"
  [[ $want == "$code" ]] || fail "$* ended with $code, wanted $want: $said"
}
health() { same "$1" "$(cat "$mnt/.mend/health")"; }

# ---- clean, not mounted
says 1 "is a store that is not mounted" "$mendfs" doctor "$store"
says 1 "try: mendfs mount $store" "$mendfs" doctor "$store"
says 1 "is no part of a mendfs mount" "$mendfs" doctor "$mnt"
says 0 "health      ok" "$mendfs" status "$store"
says 0 "mounted     no" "$mendfs" status "$store"

# ---- mounted
must "$mendfs" mount "$store" "$mnt"
health ok
says 0 "served by pid $(daemon)" "$mendfs" doctor "$mnt"
says 0 "answers" "$mendfs" doctor "$store"
says 0 "health      ok" "$mendfs" status "$mnt"

# ---- its daemon stopped
pid=$(daemon)
kill -STOP "$pid"
soon grep -q '^State:[[:space:]]*T' "/proc/$pid/status"
says 1 "was stopped" "$mendfs" doctor "$mnt"
says 1 "kill -CONT $pid" "$mendfs" doctor "$store"
kill -CONT "$pid"
says 0 "answers" "$mendfs" doctor "$mnt"

# ---- its daemon killed
kill -9 "$pid"
soon test ! -d "/proc/$pid"
says 1 "whose daemon is gone" "$mendfs" doctor "$mnt"
says 1 "try: mendfs umount $mnt && mendfs mount $store $mnt" "$mendfs" doctor "$mnt"
says 1 "whose daemon is gone" "$mendfs" doctor "$store"
says 0 "but its daemon is gone" "$mendfs" status "$store"
must "$mendfs" umount "$mnt"
must "$mendfs" mount "$store" "$mnt" -o ro
pid=$("$mendfs" status "$mnt" --json | python3 -c 'import json,sys; print(json.load(sys.stdin)["mount"]["pid"])')
says 0 "read-only" "$mendfs" doctor "$mnt"
kill -9 "$pid"
soon test ! -d "/proc/$pid"
says 1 "whose daemon is gone" "$mendfs" doctor "$mnt"
says 0 "but its daemon is gone" "$mendfs" status "$store"
must "$mendfs" umount "$mnt"

# ---- moved while it is mounted: what is open goes on, the old path is told
anew
must "$mendfs" mount "$store" "$mnt"
mv "$store" moved
echo still >"$mnt/files/still"
is_health() { [[ $(cat "$mnt/.mend/health") == "$1" ]]; }
soon is_health degraded
says 1 "Its health is degraded: " "$mendfs" doctor "$mnt"
mv moved "$store"
soon is_health ok
says 0 "answers" "$mendfs" doctor "$mnt"
same still "$(cat "$mnt/files/still")"
unmount

# ---- LOCK held by somebody else
anew
python3 - "$store/LOCK" <<'END' &
import fcntl, os, struct, sys, time
fd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
fcntl.fcntl(fd, 37, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 0, 0))  # F_OFD_SETLK
os.ftruncate(fd, 0)
os.write(fd, b"pid %d on %s\n" % (os.getpid(), os.uname().nodename.encode()))
open("held", "w")
time.sleep(600)
END
holder=$!
soon test -e held
says 1 "in use by pid $holder" "$mendfs" doctor "$store"
says 1 "pid $holder" "$mendfs" status "$store"
says 1 "pid $holder" "$mendfs" mount "$store" "$mnt"
kill "$holder"
wait "$holder" || true

# ---- a sidecar waits; it is damaged; foreign things
anew
printf '{"type":"Person","data":{"name":"loaded"}}\n' >one.jsonl
must env MENDFS_FAILPOINTS=intent.after_confirm=crash "$mendfs" mount "$store" "$mnt"
"$mendfs" load "$mnt" one.jsonl --mode append >/dev/null 2>&1 || true
soon umount -l "$mnt"
says 1 "1 multi-step write waits" "$mendfs" doctor "$store"
says 0 "1 waiting to be resolved" "$mendfs" status "$store"
says 0 "health      degraded" "$mendfs" status "$store"
sidecar=$(ls "$store"/sidecars/*.json)
printf damaged >"$sidecar"
says 1 "$sidecar keeps it from being mounted for writing" "$mendfs" doctor "$store"
says 0 "$sidecar" "$mendfs" status "$store"
must "$mendfs" mount "$store" "$mnt" 2>said
health readonly
says 1 "$sidecar" "$mendfs" doctor "$mnt"
says 0 "$sidecar" "$mendfs" status "$mnt"
unmount
anew
echo mine >"$store/sidecars/notes"
echo mine >"$store/staging/notes"
mkdir "$store/sidecars/dir" "$store/staging/dir"
says 1 "is not mounted" "$mendfs" doctor "$store"
says 0 "health      ok" "$mendfs" status "$store"
must "$mendfs" mount "$store" "$mnt"
health ok
says 0 "answers" "$mendfs" doctor "$mnt"
same mine "$(cat "$store/sidecars/notes")"
same mine "$(cat "$store/staging/notes")"

# ---- a directory that is gone or cannot be listed
anew
rmdir "$store/sidecars"
says 1 "cannot be told" "$mendfs" doctor "$store"
says 0 "health      degraded" "$mendfs" status "$store"

# ---- a failed flush
anew
for hit in 1 2 3 4; do # an open flushes too
  env "MENDFS_FAILPOINTS=pack.after_sync=error:$hit" "$mendfs" mount "$store" "$mnt" -o commit=1h 2>/dev/null || continue
  dd if=/dev/urandom of="$mnt/files/x" bs=256k count=1 status=none
  if ! "$mendfs" flush "$mnt" >/dev/null 2>&1; then break; fi
  anew
done
health readonly
says 1 "Its health is readonly" "$mendfs" doctor "$mnt"
says 0 "health      readonly: " "$mendfs" status "$mnt"
says 0 "the store is readonly: " "$mendfs" why "$mnt"
refused "" touch "$mnt/files/y"
"$mendfs" umount "$mnt" || true

# ---- damaged bytes of a file, met by a reader
anew
must "$mendfs" mount "$store" "$mnt"
dd if=/dev/urandom of="$mnt/files/big" bs=256k count=2 status=none
unmount
object=$(find "$store/objects" -type f -size +200k | head -n 1)
printf 'XXXX' | dd of="$object" bs=1 seek=150000 conv=notrunc status=none
must "$mendfs" mount "$store" "$mnt"
refused "Input/output error" cat "$mnt/files/big"
health degraded
says 1 "could not be read" "$mendfs" doctor "$mnt"
says 0 "health      degraded: " "$mendfs" status "$mnt"
unmount

# ---- a clock that is years back
anew
if command -v faketime >/dev/null; then
  must faketime '2001-01-01 00:00:00' "$mendfs" mount "$store" "$mnt"
  health ok
  says 0 "answers" "$mendfs" doctor "$mnt"
  unmount
fi

# ---- a full disk
mkdir small
if mount -t tmpfs -o size=48m none small 2>/dev/null; then
  trap 'unmount || umount -l "$mnt"; umount -l small' EXIT
  cp -a whole small/store
  store=$PWD/small/store
  must "$mendfs" mount "$store" "$mnt"
  dd if=/dev/zero of=small/filler bs=64k status=none 2>/dev/null || true
  is_degraded() { echo more >>"$mnt/files/more"; [[ $(cat "$mnt/.mend/health") == degraded ]]; }
  for _ in $(seq 100); do is_degraded 2>/dev/null && break; sleep 0.1; done
  health degraded
  says 1 "Its health is degraded: " "$mendfs" doctor "$mnt"
  says 0 "space" "$mendfs" status "$mnt"
  rm small/filler
fi
