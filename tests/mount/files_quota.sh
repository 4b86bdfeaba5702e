# A quota bounds a tree: writes, copies and directories stop at it, df shows it, removing makes room.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need setfattr getfattr
((EUID == 0)) || {
  echo "skipped: trusted xattrs want root"
  exit 77
}
start
files=$mnt/files
quota() {
  getfattr --only-values --absolute-names -n trusted.mend.quota "$1"
}

same "no quota is set" "$("$mendfs" quota list "$mnt")"
mkdir "$files/x" && must "$mendfs" quota set "$files/x" 1M
same "1048576 used 4096" "$(quota "$files/x")"
same "" "$(getfattr -d -m - "$files/x")"
head -c 600000 /dev/zero >"$files/x/a"
refused "Disk quota exceeded" dd if=/dev/zero of="$files/x/b" bs=600k count=1
rm -f "$files/x/b"
refused "Disk quota exceeded" fallocate -l 2M "$files/x/a"
same 600000 "$(stat -c %s "$files/x/a")"
must truncate -s 2M "$files/x/hole" # takes nothing
same 0 "$(stat -c %b "$files/x/hole")"
must fallocate -l 100000 "$files/x/hole"
same 196 "$(stat -c %b "$files/x/hole")"
must rm "$files/x/hole"
must dd if=/dev/zero of="$files/x/a" bs=100k count=5 conv=notrunc status=none
same 1024 "$(df --output=size -k "$files/x" | tail -n 1 | tr -d ' ')"
same "$(du -s --block-size=1 "$files/x" | cut -f 1)" "$(quota "$files/x" | sed 's/.* //')"

# Its edge is that of a device: mv copies, and the copy counts.
head -c 100000 /dev/zero >"$files/out"
echo file >"$files/out2"
refused "Invalid cross-device link" ln "$files/out" "$files/x/linked"
must mv "$files/out" "$files/x/in"
same "$(du -s --block-size=1 "$files/x" | cut -f 1)" "$(quota "$files/x" | sed 's/.* //')"

# It stays over a remount and a kill, and goes with its directory.
seen=$(quota "$files/x")
remount
same "$seen" "$(quota "$files/x")"
echo more >"$files/x/more"
seen=$(quota "$files/x")
kill -9 "$(sed -n 's/^pid \([0-9]*\) .*/\1/p' "$store/LOCK")"
umount -l "$mnt"
must "$mendfs" mount "$store" "$mnt"
same "$seen" "$(quota "$files/x")"
same "$(du -s --block-size=1 "$files/x" | cut -f 1)" "$(quota "$files/x" | sed 's/.* //')"
must rm "$files/x/a"
must dd if=/dev/zero of="$files/x/b" bs=600k count=1 status=none
must "$mendfs" quota set "$files/x" 5M
same '{"path":"files/x","limit_bytes":5242880' "$("$mendfs" quota list --json "$mnt" | sed 's/,"used.*//')"
must dd if=/dev/zero of="$files/x/c" bs=2M count=1 status=none
refused "want a size" "$mendfs" quota set "$files/x" much
refused "a quota begins at a directory" "$mendfs" quota set "$files/out2" 1G
refused "below files/" "$mendfs" quota set "$people" 1G
refused "quota begins here" "$mendfs" quota clear "$files"
refused "neither" "$mendfs" quota set "$PWD" 1G
must "$mendfs" quota clear "$files/x"
must dd if=/dev/zero of="$files/x/d" bs=5M count=1 status=none
refused "No such attribute" getfattr -n trusted.mend.quota "$files/x"
must "$mendfs" quota set "$(mktemp -d "$files/new.XXXX")" 1M

# A tree that is there already, with another writer in it; killed while it is counted.
mkdir -p "$files/old/deep/er"
for i in $(seq 1 300); do
  head -c $((i * 7)) /dev/zero >"$files/old/deep/f$i"
  mkdir "$files/old/deep/er/$i"
done
truncate -s 1G "$files/old/deep/er/sparse"
(while [[ ! -e $files/stop ]]; do
  echo x >"$files/old/deep/er/busy.$RANDOM"
  mv "$files/old/deep/f1" "$files/old/deep/er/moved" 2>/dev/null && mv "$files/old/deep/er/moved" "$files/old/deep/f1"
done) &
busy=$!
must "$mendfs" quota set "$files/old" 50M
touch "$files/stop"
wait "$busy"
same "$(du -s --block-size=1 "$files/old" | cut -f 1)" "$(quota "$files/old" | sed 's/.* //')"
refused "Disk quota exceeded" fallocate -l 60M "$files/old/too-much"
must setfattr -x trusted.mend.quota "$files/old"
must setfattr -n trusted.mend.quota -v 50M "$files/old"
kill -9 "$(sed -n 's/^pid \([0-9]*\) .*/\1/p' "$store/LOCK")"
umount -l "$mnt"
must "$mendfs" mount "$store" "$mnt"
for _ in $(seq 1 100); do
  [[ $(quota "$files/old") == *counting ]] || break
  sleep 0.1
done
same "$(du -s --block-size=1 "$files/old" | cut -f 1)" "$(quota "$files/old" | sed 's/.* //')"
listed=$("$mendfs" quota list "$mnt")
must "$mendfs" umount "$mnt"
same "$listed" "$("$mendfs" quota list "$store")"
must "$mendfs" fsck -n "$store"
