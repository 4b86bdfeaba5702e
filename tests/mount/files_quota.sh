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
refused "Disk quota exceeded" truncate -s 2M "$files/x/a"
same 600000 "$(stat -c %s "$files/x/a")"
must dd if=/dev/zero of="$files/x/a" bs=100k count=5 conv=notrunc status=none
same 1024 "$(df --output=size -k "$files/x" | tail -n 1 | tr -d ' ')"
same "$(du -s --block-size=1 "$files/x" | cut -f 1)" "$(quota "$files/x" | sed 's/.* //')"

# Its edge is that of a device: mv copies, and the copy counts.
head -c 100000 /dev/zero >"$files/out"
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
refused "not empty" "$mendfs" quota set "$files" 1G
refused "below files/" "$mendfs" quota set "$people" 1G
refused "quota begins here" "$mendfs" quota clear "$files"
refused "neither" "$mendfs" quota set "$PWD" 1G
must "$mendfs" quota clear "$files/x"
must dd if=/dev/zero of="$files/x/d" bs=5M count=1 status=none
refused "No such attribute" getfattr -n trusted.mend.quota "$files/x"
must "$mendfs" quota set "$(mktemp -d "$files/new.XXXX")" 1M
listed=$("$mendfs" quota list "$mnt")
must "$mendfs" umount "$mnt"
same "$listed" "$("$mendfs" quota list "$store")"
must "$mendfs" fsck -n "$store"
