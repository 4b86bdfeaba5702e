# files/ holds a directory tree: ordinary tools, round trips, a git repository.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need rsync git tar
start
files=$mnt/files

mkdir -p tree/deep/er 'tree/a b'
head -c 3000000 /dev/urandom >tree/big
printf 'small\n' >tree/deep/small
: >tree/empty
printf 'x' >'tree/a b/ü 💾'
ln -s ../big tree/deep/link
ln tree/big tree/deep/hard
chmod 640 tree/big
touch -d '2001-02-03 04:05:06.789' tree/deep/small

must cp -a tree "$files/"
must diff -r --no-dereference tree "$files/tree"
same "$(stat -c '%a %Y %h' tree/big)" "$(stat -c '%a %Y %h' "$files/tree/big")"
same "$(stat -c %y tree/deep/small)" "$(stat -c %y "$files/tree/deep/small")"

mkfifo tree/fifo && must cp -a tree/fifo "$files/tree/" && must test -p "$files/tree/fifo"
must rsync -aH --delete tree/ "$files/synced/"
same "" "$(rsync -aHni --checksum --delete tree/ "$files/synced/" | grep -v '^\.d' || true)"
must tar cf t.tar -C "$files" tree
mkdir out && tar xf t.tar -C out
rm tree/fifo out/tree/fifo && must diff -r --no-dereference tree out/tree

# A body survives unlink while it is open, renames replace, holes read as zeros.
exec 3<"$files/tree/big"
rm "$files/tree/big" "$files/tree/deep/hard"
must cmp - tree/big <&3
exec 3<&-
echo new >"$files/n" && echo old >"$files/o" && must mv "$files/n" "$files/o"
same new "$(cat "$files/o")"
truncate -s 1M "$files/hole"
printf end >>"$files/hole"
same "$((1048576 + 3))" "$(stat -c %s "$files/hole")"
must cmp -n 1048576 "$files/hole" /dev/zero
refused "not empty" rmdir "$files/tree"
refused "Invalid cross-device link" ln "$files/o" "$mnt/nodes/Person/o.json"

git -C "$files" init -q repo
cd "$files/repo"
git config user.email a@b.c && git config user.name n
for i in $(seq 50); do echo "$i" >"f$i"; done
must git add . && must git commit -qm first
echo changed >f7
same " M f7" "$(git status --short)"
must git checkout -q f7
must git fsck --strict
must git clone -q . ../clone
same 50 "$(ls ../clone | wc -l)"
cd - >/dev/null

# All of it is there after a remount.
sum=$(cd "$files" && find . -type f -exec md5sum {} + | sort)
remount
same "$sum" "$(cd "$files" && find . -type f -exec md5sum {} + | sort)"
must "$mendfs" umount "$mnt"
must "$mendfs" fsck -n "$store"
