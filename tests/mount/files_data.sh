# The bytes of files/: large and sparse files, fallocate, holes, reflinks, the largest offsets; read
# back while mounted, after a remount and after the daemon was killed.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need python3 fallocate dd cmp
start
files=$mnt/files
daemon() { sed -n 's/^pid \([0-9]*\) .*/\1/p' "$store/LOCK"; }

# Written in blocks of every size, read back the same.
head -c 20000000 /dev/urandom >big
for block in 1M 128k 64k 4096 1000003; do
  must dd if=big of="$files/big.$block" bs=$block status=none
  must cmp big "$files/big.$block"
done
must dd if=big of="$files/big.1M" bs=4k count=100 seek=1000 conv=notrunc status=none
cp big model && dd if=big of=model bs=4k count=100 seek=1000 conv=notrunc status=none
must cmp model "$files/big.1M"

# fallocate(1): allocate, keep-size, punch, zero.
must fallocate -l 100000 "$files/room"
same 100000 "$(stat -c %s "$files/room")"
must cmp -n 100000 "$files/room" /dev/zero
must fallocate -n -l 200000 "$files/room"
same 100000 "$(stat -c %s "$files/room")"
must fallocate -p -o 3000000 -l 2000000 "$files/big.1M"
must fallocate -z -o 19000000 -l 2000000 "$files/big.1M"
python3 - model <<'END'
import sys
with open(sys.argv[1], 'r+b') as f:
    f.seek(3000000); f.write(bytes(2000000))
    f.seek(19000000); f.write(bytes(2000000))
END
must cmp model "$files/big.1M"
refused "space" fallocate -l 100T "$files/room"

# Holes are found, and cp keeps them.
python3 - "$files" <<'END'
import errno, os, sys
d = sys.argv[1]
f = os.open(d + '/big.1M', os.O_RDONLY)
assert os.lseek(f, 0, os.SEEK_HOLE) == 3000000
assert os.lseek(f, 3000000, os.SEEK_DATA) == 5000000
assert os.lseek(f, 5000000, os.SEEK_HOLE) == 19000000
for offset, whence in ((19000000, os.SEEK_DATA), (21000000, os.SEEK_HOLE), (10**12, os.SEEK_DATA)):
    try:
        os.lseek(f, offset, whence)
        raise SystemExit('should be ENXIO')
    except OSError as e:
        assert e.errno == errno.ENXIO, e
assert os.lseek(f, 0, os.SEEK_END) == 21000000
os.close(f)

# 5 GiB of hole, then data; the largest size.
f = os.open(d + '/sparse', os.O_RDWR | os.O_CREAT)
os.pwrite(f, b'far', 5 << 30)
assert os.fstat(f).st_size == (5 << 30) + 3
assert os.lseek(f, 0, os.SEEK_DATA) == 5 << 30
assert os.pread(f, 10, (5 << 30) - 4) == bytes(4) + b'far'
os.ftruncate(f, (1 << 63) - 1)
assert os.fstat(f).st_size == (1 << 63) - 1
assert os.pread(f, 3, 5 << 30) == b'far'
os.pwrite(f, b'x', (1 << 63) - 2)
for call in (lambda: os.pwrite(f, b'xy', (1 << 63) - 2), lambda: os.posix_fallocate(f, (1 << 63) - 1, 1)):
    try:
        n = call()
        assert n == 1, n
    except OSError as e:
        assert e.errno in (errno.EFBIG, errno.EINVAL), e
os.ftruncate(f, (5 << 30) + 3)
os.close(f)

# copy_file_range shares and answers as POSIX wants.
src = os.open(d + '/big.128k', os.O_RDONLY)
dst = os.open(d + '/shared', os.O_RDWR | os.O_CREAT)
size = os.fstat(src).st_size
done = 0
while done < size:
    n = os.copy_file_range(src, dst, size - done)
    assert n > 0
    done += n
assert os.copy_file_range(src, dst, 10) == 0
assert os.fstat(dst).st_size == size
os.pwrite(dst, b'mine', 1000)
assert os.pread(src, 4, 1000) != b'mine'
os.close(src); os.close(dst)

# What is no file of the tree has no holes.
f = os.open(d + '/../nodes/Person/alice.json', os.O_RDONLY)
size = os.fstat(f).st_size
assert os.lseek(f, 0, os.SEEK_HOLE) == size and os.lseek(f, 3, os.SEEK_DATA) == 3
os.close(f)
END
must cp --sparse=always "$files/big.1M" "$files/sparse.copy"
must cmp model "$files/sparse.copy"
must cp "$files/big.128k" "$files/plain.copy"
must cmp big "$files/plain.copy"
must cp "$people/alice.json" "$files/alice"
must cmp "$people/alice.json" "$files/alice"

# A reflink of a large file costs no bytes of an object.
before=$(du -sb "$store/staging" "$store/objects" | awk '{n += $1} END {print n}')
must cp "$files/big.128k" "$files/third.copy"
after=$(du -sb "$store/staging" "$store/objects" | awk '{n += $1} END {print n}')
((after - before < 5000000)) || fail "a copy wrote $((after - before)) bytes"

# Four writers at once, each its own file and all one file.
python3 - "$files" <<'END'
import os, sys, threading
d = sys.argv[1]
shared = os.open(d + '/together', os.O_RDWR | os.O_CREAT)
def write(i):
    body = bytes([65 + i]) * 300000
    with open('%s/own%d' % (d, i), 'wb', buffering=0) as f:
        for k in range(20):
            f.write(body)
            os.pwrite(shared, body, (k * 4 + i) * 300000)
threads = [threading.Thread(target=write, args=(i,)) for i in range(4)]
[t.start() for t in threads]; [t.join() for t in threads]
for i in range(4):
    assert open('%s/own%d' % (d, i), 'rb').read() == bytes([65 + i]) * 6000000
for k in range(80):
    assert os.pread(shared, 300000, k * 300000) == bytes([65 + k % 4]) * 300000
END

sums() { (cd "$files" && find . -type f -size -30M -exec md5sum {} + | sort); }
sum=$(sums)
"$mendfs" flush "$mnt"
kill -9 "$(daemon)"
umount -l "$mnt"
must "$mendfs" mount "$store" "$mnt"
same "$sum" "$(sums)"
remount -o cache_size=1M
same "$sum" "$(sums)"
rm "$files"/big.* "$files/shared"
must cmp big "$files/plain.copy"
must "$mendfs" umount "$mnt"
same "" "$(ls "$store/staging")"
must "$mendfs" fsck -n "$store"

# A damaged block is an error of its own bytes and no others; fsck misses what is missing.
must "$mendfs" mount "$store" "$mnt"
touch marker
must cp big "$files/fresh"
must "$mendfs" umount "$mnt"
blob=$(find "$store/objects/blob" -type f -size +10M -newer marker)
same 1 "$(wc -l <<<"$blob")"
must cmp big "$blob"
must "$mendfs" mount "$store" "$mnt"
python3 - "$blob" <<'END'
import sys
with open(sys.argv[1], 'r+b') as f:
    f.seek(5000000)
    b = f.read(1)
    f.seek(5000000)
    f.write(bytes([b[0] ^ 1]))
END
python3 - "$files" <<'END'
import errno, glob, os, sys
bad = good = 0
for path in sorted(glob.glob(sys.argv[1] + '/*')):
    if os.path.basename(path) == 'sparse':
        continue
    f = os.open(path, os.O_RDONLY)
    for at in range(0, os.fstat(f).st_size, 65536):
        try:
            os.pread(f, 65536, at)
            good += 1
        except OSError as e:
            assert e.errno == errno.EIO, e
            bad += 1
    os.close(f)
print('blocks that read: %d, that do not: %d' % (good, bad))
assert 1 <= bad <= 2 and good > 100
END
must "$mendfs" umount "$mnt"
mv "$blob" away
refused "missing" bash -c "'$mendfs' fsck -n '$store' >&2"
mv away "$blob"
must "$mendfs" fsck -n "$store"
