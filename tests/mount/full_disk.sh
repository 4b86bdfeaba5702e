# A full disk refuses with ENOSPC, keeps what is there, and works again once there is room.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
mkdir small mnt_full
mount -t tmpfs -o size=24m none small 2>/dev/null || {
  echo "skipped: no tmpfs can be mounted here"
  exit 77
}
trap '"$mendfs" umount mnt_full >/dev/null 2>&1 || umount -l mnt_full 2>/dev/null || true
      umount -l small' EXIT
store=$PWD/small/store
mnt=$PWD/mnt_full
must "$mendfs" mkfs "$store" >/dev/null
must "$mendfs" mount "$store" "$mnt"
echo kept >"$mnt/files/kept"
mkdir "$mnt/nodes/Open"
echo '{"a":1}' >"$mnt/nodes/Open/row.json"
"$mendfs" flush "$mnt"

head -c 60000000 /dev/urandom >big
refused "No space left" cp big "$mnt/files/big"
same kept "$(cat "$mnt/files/kept")"
same '{"a":1}' "$(cat "$mnt/nodes/Open/row.json")"
python3 - <<'END' >load.jsonl
for i in range(200000):
    print('{"type":"Open","key":"k%d","data":{"v":"%s"}}' % (i, (str(i * 7919) * 40)))
END
refused "space" "$mendfs" load "$mnt" load.jsonl --mode append
same "row.json" "$(ls "$mnt/nodes/Open")"

mount -o remount,size=400m small
soon bash -c "echo again >'$mnt/files/again'"
rm -f "$mnt/files/big"
same again "$(cat "$mnt/files/again")"
must "$mendfs" flush "$mnt"
must "$mendfs" load "$mnt" load.jsonl --mode append
same 200001 "$(ls -U "$mnt/nodes/Open" | wc -l)"
must "$mendfs" umount "$mnt"
must "$mendfs" mount "$store" "$mnt"
same kept "$(cat "$mnt/files/kept")"
same 200001 "$(ls -U "$mnt/nodes/Open" | wc -l)"
must "$mendfs" umount "$mnt"
must "$mendfs" fsck -n "$store"
