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
# member NAME: of the JSON on standard input
member() { python3 -c 'import json,sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"; }
# tells HEALTH WORD NEXT [STORE]: .mend/health, status --json and doctor --json agree on the health, WORD
# stands in why it is so, NEXT in what to do about it. Of a store that is not mounted with STORE.
tells() {
  local at=${4:-$mnt} said code=0
  said=$("$mendfs" status "$at" --json 2>&1) || fail "status: $said"
  same "$1" "$(member health <<<"$said")"
  holds "$(member reason <<<"$said")" "$2"
  [[ $at != "$mnt" ]] || health "$1"
  said=$("$mendfs" doctor "$at" --json) || code=$?
  if [[ $1 == ok && $at == "$mnt" ]]; then same 0 "$code"; else same 1 "$code"; fi
  [[ $at != "$mnt" ]] || same "$1" "$(member state <<<"$said")"
  holds "$(member sentence <<<"$said")" "$2"
  holds "$(member sentence <<<"$said") $(member advice <<<"$said")" "$3"
  [[ $said != *$'\e'* && $said != *u001b* ]] || fail "raw bytes: $said"
}
# turn FILE OFFSET: a bit of the byte there
turn() {
  python3 - "$@" <<'END'
import sys
with open(sys.argv[1], "r+b") as file:
    file.seek(int(sys.argv[2]))
    byte = file.read(1)[0]
    file.seek(int(sys.argv[2]))
    file.write(bytes([byte ^ 16]))
END
}

# ---- clean, not mounted
says 1 "is a store that is not mounted" "$mendfs" doctor "$store"
says 1 "try: mendfs mount $store" "$mendfs" doctor "$store"
says 1 "is no part of a mendfs mount" "$mendfs" doctor "$mnt"
says 0 "health      ok" "$mendfs" status "$store"
says 0 "mounted     no" "$mendfs" status "$store"

# ---- mounted
must "$mendfs" mount "$store" "$mnt"
tells ok "" ""
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
says 1 "last commit could not be closed" "$mendfs" doctor "$mnt"
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
tells degraded "" "the next mount for writing finishes or takes back each" "$store"
says 0 "1 waiting to be resolved" "$mendfs" status "$store"
says 0 "health      degraded" "$mendfs" status "$store"
sidecar=$(ls "$store"/sidecars/*.json)
printf damaged >"$sidecar"
says 1 "$sidecar keeps it from being mounted for writing" "$mendfs" doctor "$store"
says 0 "$sidecar" "$mendfs" status "$store"
must "$mendfs" mount "$store" "$mnt" 2>said
tells readonly "$sidecar" "fsck"
says 0 "$sidecar" "$mendfs" status "$mnt"
unmount

# ---- of a newer program: nothing is mounted for writing, and nobody is told to try
printf '{"mendfs":"sidecar","format_version":9,"checksum":"\x1b[31m"}' >"$sidecar"
says 5 "newer" "$mendfs" mount "$store" "$mnt"
tells degraded "format 9" "use a newer mendfs" "$store"
must "$mendfs" mount "$store" "$mnt" -o ro
tells degraded "format 9" "mendfs status $mnt"
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
tells readonly "fenced" "unmount and mount again"
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
tells degraded "could not be read" "mendfs fsck --data $store"
says 0 "health      degraded: " "$mendfs" status "$mnt"
unmount

# ---- a damaged record of the journal that is needed
anew
must "$mendfs" mount "$store" "$mnt" -o commit=1h
for i in $(seq 50); do printf '{"age":%d}\n' "$i" >"$mnt/nodes/Person/p$i.json"; done
must "$mendfs" flush "$mnt" >/dev/null
kill -9 "$(daemon)"
soon umount -l "$mnt"
segment=$(ls "$store"/journal/*.log | tail -n 1)
turn "$segment" "$(grep -abo 'p20' "$segment" | head -n 1 | cut -d: -f1)"
says 1 "does not verify" "$mendfs" doctor "$store"
tells readonly "${segment##*/}" "export" "$store"
must "$mendfs" mount "$store" "$mnt" 2>said
tells readonly "${segment##*/}" "mendfs fsck"
unmount

# ---- a list of tables that names what is not there, with bytes that a terminal would obey
anew
printf 'MANIFEST-\033[31mred\n' >"$store/manifest/CURRENT"
tells readonly "manifest" "export" "$store"
must "$mendfs" mount "$store" "$mnt" 2>said
[[ $(cat said) != *$'\e'* ]] || fail "raw bytes: $(cat said)"
tells readonly "manifest" "mendfs fsck"
unmount
# … and without the journal: refused for writing, and nobody is told to try
rm "$store"/journal/*.log
says 1 "no state of the store verifies" "$mendfs" mount "$store" "$mnt"
says 1 "try: mendfs fsck $store" "$mendfs" doctor "$store"

# ---- folds are missing and the journal does not go back: what is left is shown to who asks, as failed
anew
rm -f "$store"/journal/*.log "$store"/manifest/*.log
python3 - "$store" <<'END'
import glob, sys
name = max(glob.glob(sys.argv[1] + "/manifest/MANIFEST-*"))
data = open(name, "rb").read()
at = last = 0
while at + 7 <= len(data):
    last = at
    at += 7 + data[at + 4] + 256 * data[at + 5]
open(name, "wb").write(data[:last])
END
if "$mendfs" mount "$store" "$mnt" -o ro 2>said; then
  [[ $(cat "$mnt/.mend/health") == ok ]] || tells failed "rows are lost" "mount it with"
  unmount
fi

# ---- a newer format, and bytes where there should be JSON
anew
sed -i 's/"format_version": 1/"format_version": 77/' "$store/mendfs.json"
says 1 "format 77" "$mendfs" mount "$store" "$mnt"
says 1 "format 77" "$mendfs" status "$store"
says 1 "use a newer mendfs" "$mendfs" doctor "$store"
says 1 "try: mendfs version" "$mendfs" doctor "$store"
printf '\033[31m' >"$store/mendfs.json"
says 1 "mendfs.json is damaged" "$mendfs" doctor "$store"
says 1 "mendfs.json is damaged" "$mendfs" mount "$store" "$mnt"

# ---- a file where a directory should be
for directory in staging sidecars journal manifest; do
  anew
  rm -rf "${store:?}/$directory" && echo mine >"$store/$directory"
  [[ $directory == staging ]] || says 1 "$directory" "$mendfs" doctor "$store"
  if "$mendfs" mount "$store" "$mnt" 2>said; then
    [[ $(cat "$mnt/.mend/health") != ok ]] || fail "$directory is a file, and all is well"
    says 1 "$directory" "$mendfs" doctor "$mnt"
    unmount
  else
    holds "$(cat said)" "$directory"
  fi
  same mine "$(cat "$store/$directory")"
done

# ---- a store that is copied while it is written opens at a state that it was in, or says what it lacks
anew
must "$mendfs" mount "$store" "$mnt"
(for i in $(seq 300); do printf '{"age":%d}\n' $((i % 90)) >"$mnt/nodes/Person/w$i.json"; done) &
writer=$!
for copy in 1 2 3; do cp -a "$store" "copy$copy" 2>/dev/null || true; done
wait "$writer"
unmount
live=$store
for copy in 1 2 3; do
  store=$PWD/copy$copy
  rm -f "$store/control.sock"
  if "$mendfs" mount "$store" "$mnt" 2>said; then
    case $(cat "$mnt/.mend/health") in
      ok) tells ok "" "" ;;
      readonly) tells readonly "" "mendfs fsck" ;;
      *) fail "a copy is $(cat "$mnt/.mend/health")" ;;
    esac
    unmount
  else
    says 1 "try: mendfs fsck" "$mendfs" doctor "$store"
  fi
done
store=$live

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
  tells degraded "is full" "new data is refused until"
  says 0 "space" "$mendfs" status "$mnt"
  rm small/filler
fi
