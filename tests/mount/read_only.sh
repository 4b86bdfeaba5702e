#!/bin/bash
# A read-only mount: every verb works on it, nothing is written into the store, readers go together,
# and neither a writer beside a reader nor a reader beside a writer.
. "${MENDFS_SOURCE:?}/tests/mount/lib.sh"
need jq
start
mkdir mnt2 mnt3
# Beside a writer: refused, with its name.
writer=$(sed -n 's/^pid \([0-9]*\) .*/\1/p' "$store/LOCK")
refused "pid $writer" "$mendfs" mount "$store" mnt2 -o ro
holds "$("$mendfs" mount "$store" mnt2 -o ro 2>&1 || true)" "does not go beside a writer"
unmount

before=$(traces "$store")
must "$mendfs" mount "$store" "$mnt" -o ro
must "$mendfs" mount "$store" mnt2 -o ro # readers go together

status=$("$mendfs" status "$mnt" --json)
same "$mnt" "$(jq -r .mount.point <<<"$status")"
same true "$(jq -r .mount.read_only <<<"$status")"
reader=$(jq -r .mount.pid <<<"$status")
must test -d "/proc/$reader"
other=$("$mendfs" status mnt2 --json | jq -r .mount.pid)
[[ $reader != "$other" ]] || fail "each mount answers for itself"
holds "$("$mendfs" status "$store")" "read-only, pid"
holds "$("$mendfs" doctor "$mnt")" "answers"

refused "Read-only file system" touch "$people/x.json"
holds "$("$mendfs" why "$mnt")" "nothing was refused since this mount began" # its daemon was asked
same 3 "$("$mendfs" export "$mnt" --type Person | wc -l)"
same 1 "$("$mendfs" log "$mnt" -n 1 | wc -l)"
holds "$("$mendfs" schema show "$mnt")" "node Person"
must "$mendfs" flush "$mnt" >/dev/null
printf '{"type":"Person","data":{"name":"dora"}}\n' >dora.jsonl
for target in "$mnt" "$store"; do
  refused "is mounted read-only at" "$mendfs" load "$target" dora.jsonl --mode append
  refused "is mounted read-only at" "$mendfs" schema apply "$target" schema
done

# A writer beside readers: refused, with a reader's name and where it is mounted.
said=$("$mendfs" mount "$store" mnt3 2>&1 || true)
holds "$said" "open for reading already, by pid"
holds "$said" "mounted at $mnt"
must "$mendfs" fsck -n "$store" >/dev/null
must "$mendfs" fsck -n --data "$store" >/dev/null
must "$mendfs" doctor "$store" >/dev/null
"$mendfs" umount mnt2
unmount
same "$before" "$(traces "$store")"
# Nor by those that look at a store that nobody has open.
must "$mendfs" status "$store" >/dev/null
must "$mendfs" export "$store" >/dev/null
must "$mendfs" log "$store" >/dev/null
must "$mendfs" fsck -n --data "$store" >/dev/null
"$mendfs" doctor "$store" >/dev/null || true
same "$before" "$(traces "$store")"
must "$mendfs" mount "$store" "$mnt" # at once: a reader that is ending is waited for

unmount
# A disk that cannot be written at all.
if ((EUID == 0)) && mkdir disk && mount --bind "$store" disk 2>/dev/null; then
  trap 'unmount; umount -l disk 2>/dev/null || true' EXIT
  if mount -o remount,ro,bind disk; then
    must "$mendfs" mount disk "$mnt" -o ro
    same 3 "$(names "$people" | wc -w)"
    must "$mendfs" status "$mnt" >/dev/null
    unmount
  fi
  umount disk
fi
# Without a LOCK there is nothing to hold.
rm "$store/LOCK"
must "$mendfs" mount "$store" "$mnt" -o ro
absent "$store/LOCK"
unmount
