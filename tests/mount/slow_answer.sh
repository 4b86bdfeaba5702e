#!/bin/bash
# One answer that takes long keeps nobody else waiting, also when the thread that reads requests is
# the one that gives it.
. "${MENDFS_SOURCE:?}/tests/mount/lib.sh"
start
echo quick >"$mnt/files/quick"
unmount

# The first run of bytes that goes into a pack stays on its way for seconds.
MENDFS_FAILPOINTS=pack.after_append=park must "$mendfs" mount "$store" "$mnt"
head -c 200000 /dev/urandom >wanted
dd if=wanted of="$mnt/files/slow" bs=200000 status=none &
slow=$!
soon test -e "$mnt/files/slow"
same quick "$(cat "$mnt/files/quick")"
must ls -l "$mnt/files" >/dev/null
must touch "$mnt/files/another"
kill -0 "$slow" 2>/dev/null || fail "the others were answered after the slow one"
must wait "$slow"
must cmp wanted "$mnt/files/slow"
