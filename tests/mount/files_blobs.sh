# Large files as objects of their own: written by cp, in small pieces, appended to and truncated; each
# that was written in one go lies in the store bit for bit, while mounted and after an unmount.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need python3 dd cmp
start
files=$mnt/files
daemon() { sed -n 's/^pid \([0-9]*\) .*/\1/p' "$store/LOCK"; }
# in_blob FILE: an object of the store holds its bytes and nothing else
in_blob() {
  local blob
  while read -r blob; do
    cmp -s "$1" "$blob" && [[ -f $blob.meta ]] && return
  done < <(find "$store/objects/blob" -type f -size "$(stat -c %s "$1")c" ! -name '*.meta')
  return 1
}

head -c 52428800 /dev/urandom >big
head -c 5000011 big >medium
must cp big "$files/copied"
must dd if=big of="$files/pages" bs=4k status=none
must dd if=medium of="$files/odd" bs=1001 status=none
must dd if=medium of="$files/long" bs=1000003 status=none
must dd if=medium of="$files/fsynced" bs=65536 oflag=sync status=none
must cp medium "$files/rewritten"
must dd if=big of="$files/rewritten" bs=4k count=10 seek=700 conv=notrunc status=none
for name in copied pages; do must cmp big "$files/$name"; done
for name in odd long fsynced; do must cmp medium "$files/$name"; done
# Sealed by itself soon after it was closed.
soon in_blob big
soon in_blob medium

# Truncated, grown again, a line at a time, unlinked while it is written.
must cp big "$files/cut"
must truncate -s 3000000 "$files/cut"
must dd if=medium of="$files/cut" bs=128k oflag=append conv=notrunc status=none
{ head -c 3000000 big; cat medium; } >cut
must cmp cut "$files/cut"
python3 - "$files" <<'END'
import os, sys
d = sys.argv[1]
line = b'a line of a log, one of many that are written to it\n'
for i in range(3000):
    with open(d + '/log', 'ab', buffering=0) as f:
        f.write(line)
f = os.open(d + '/log', os.O_WRONLY | os.O_APPEND)
for i in range(60000):
    os.write(f, line)
os.close(f)
assert open(d + '/log', 'rb').read() == line * 63000
f = os.open(d + '/gone', os.O_RDWR | os.O_CREAT)
for i in range(40):
    if i == 20:
        os.unlink(d + '/gone')
    os.write(f, bytes([i]) * 100000)
for i in range(40):
    assert os.pread(f, 100000, i * 100000) == bytes([i]) * 100000
os.close(f)
END

sums() { (cd "$files" && find . -type f -exec md5sum {} + | sort); }
sum=$(sums)
"$mendfs" flush "$mnt"
kill -9 "$(daemon)"
umount -l "$mnt"
must "$mendfs" mount "$store" "$mnt"
same "$sum" "$(sums)"
must cp --reflink=auto "$files/pages" "$files/shared"
rm "$files/pages"
must cmp big "$files/shared"
must "$mendfs" umount "$mnt"
same "" "$(ls "$store/staging")"
must in_blob big
must in_blob medium
for blob in $(find "$store/objects/blob" -type f ! -name '*.meta'); do must test -f "$blob.meta"; done
must "$mendfs" fsck -n --data "$store"

# A .meta that is gone is told, and keeps nobody from the bytes.
blob=$(find "$store/objects/blob" -type f -size 52428800c ! -name '*.meta' | head -n 1)
mv "$blob.meta" away
refused "its .meta is missing" bash -c "'$mendfs' fsck -n '$store' >&2"
must "$mendfs" mount "$store" "$mnt"
same "$sum" "$(sums | sed 's,\./shared,./pages,' | sort)"
must "$mendfs" umount "$mnt"
mv away "$blob.meta"
must "$mendfs" fsck -n "$store"
