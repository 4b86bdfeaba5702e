# What is deleted and overwritten gives its space back while the store is mounted, and nobody who
# reads notices.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
mkdir "$mnt"
must "$mendfs" mkfs "$store" >/dev/null
echo 'garbage_min = "4M"' >>"$store/config.toml"
must "$mendfs" mount "$store" "$mnt"
trap '"$mendfs" umount "$mnt" >/dev/null 2>&1 || true' EXIT
pack_kib() {
  du -sk "$store/objects/pack" "$store/staging" 2>/dev/null | awk '{sum += $1} END {print sum + 0}'
}
holds_at_most() {
  [[ $(pack_kib) -le $1 ]]
}

head -c 20000000 /dev/urandom >kept
head -c 1048576 /dev/urandom >piece
cp kept "$mnt/files/kept"
# Written and removed at once: what a commit has seen stays as long as its history.
python3 - "$mnt/files" <<'END'
import os, sys
files = sys.argv[1]
piece = open("piece", "rb").read()
for i in range(300):
    path = f"{files}/gone{i}"
    with open(path, "wb") as file:
        file.write(piece)
    os.unlink(path)
# A file that is overwritten in place, again and again.
with open(f"{files}/hot", "wb") as file:
    for i in range(100):
        file.seek(0)
        file.write(piece)
END
# A reader goes over the file that stays, all the while.
(while [[ ! -e stop ]]; do cmp kept "$mnt/files/kept" || touch differs; done) &
reader=$!
for i in $(seq 5); do
  python3 - "$mnt/files" <<'END'
import os, sys
for i in range(8):
    path = sys.argv[1] + "/more"
    with open(path, "wb") as file:
        file.write(os.urandom(1 << 20))
    os.unlink(path)
END
  sleep 1.1
done
touch stop
wait "$reader"
absent differs
echo "held: $(pack_kib) KiB"
soon holds_at_most 200000
must cmp kept "$mnt/files/kept"
must cmp piece "$mnt/files/hot"
holds "$("$mendfs" status "$mnt")" "packs"
holds "$("$mendfs" status "$mnt" --json)" '"garbage_bytes"'
must "$mendfs" umount "$mnt"
must "$mendfs" fsck -n --data "$store"
must "$mendfs" mount "$store" "$mnt"
must cmp kept "$mnt/files/kept"
must "$mendfs" umount "$mnt"
