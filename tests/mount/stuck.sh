#!/bin/bash
# A daemon that does not answer: doctor says what it is, umount --force frees clients and mount, and
# what had reached the daemon is kept. And the ends that SIGTERM brings.
. "${MENDFS_SOURCE:?}/tests/mount/lib.sh"
start
daemon() { sed -n 's/^pid \([0-9]*\) .*/\1/p' "$store/LOCK"; }
gone() { ! kill -0 "$1"; }

pid=$(daemon)
free() {
  set +e
  kill -CONT "$pid"
  umount -f "$mnt"
  umount -l "$mnt"
} 2>/dev/null
trap free EXIT
echo kept >"$mnt/files/kept"
kill -STOP "$pid"
cat "$people/alice.json" >client.out 2>&1 &
client=$!
soon grep -q T "/proc/$pid/stat"
holds "$(timeout 20 "$mendfs" doctor "$mnt" || true)" "kill -CONT $pid"
refused "umount --force" timeout 20 "$mendfs" umount "$mnt"
# The daemon is stopped and closes the store when it goes on.
timeout 20 "$mendfs" umount --force "$mnt" >forced 2>&1 &
forcing=$!
wait "$client" || true
soon test "$(mountpoint -q "$mnt" && echo there)" = ""
kill -CONT "$pid"
must wait "$forcing"
soon gone "$pid"
must "$mendfs" mount "$store" "$mnt"
same kept "$(cat "$mnt/files/kept")"

# SIGTERM with nothing open: as umount.
pid=$(daemon)
kill -TERM "$pid"
soon gone "$pid"
if mountpoint -q "$mnt"; then fail "SIGTERM leaves no mount"; fi
must "$mendfs" mount "$store" "$mnt"

# SIGTERM with open files: the mount goes at once; who has something open gets errors from then on,
# what was written is there.
pid=$(daemon)
exec 3>"$mnt/files/open"
echo before >&3
kill -TERM "$pid"
soon gone "$pid"
if mountpoint -q "$mnt"; then fail "SIGTERM leaves no mount"; fi
if echo after 1>&3 2>/dev/null; then fail "a file of an ended mount takes no more"; fi
exec 3>&- || true
must "$mendfs" mount "$store" "$mnt"
same before "$(cat "$mnt/files/open")"
unmount
must "$mendfs" fsck -n "$store" >/dev/null

# -o nonempty hides what is there.
echo below >"$mnt/below"
refused "not empty" "$mendfs" mount "$store" "$mnt"
must "$mendfs" mount "$store" "$mnt" -o nonempty
absent "$mnt/below"
same kept "$(cat "$mnt/files/kept")"
unmount
same below "$(cat "$mnt/below")"
