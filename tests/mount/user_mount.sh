#!/bin/bash
# A user who is not root: mounts through fusermount3, is told what only root may, and frees a mount
# that does not answer. In a private mount namespace, where /dev/fuse and fusectl can be arranged.
. "${MENDFS_SOURCE:?}/tests/mount/lib.sh"
need unshare setpriv fusermount3
((EUID == 0)) || {
  echo "skipped: only root may arrange /dev/fuse for another user"
  exit 77
}
in_own_mounts
chmod 755 .
mkdir user
mknod user/fuse c 10 229 && chmod 666 user/fuse && mount --bind user/fuse /dev/fuse
chown 65534:65534 user
store=$PWD/user/store
mnt=$PWD/user/mnt
as_user() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }
: 2>/dev/null </dev/fuse || {
  echo "skipped: this place allows no devices"
  exit 77
}
free() {
  set +e
  kill -CONT "$pid"
  umount -f "$mnt"
  umount -l "$mnt"
} 2>/dev/null
trap free EXIT
pid=

as_user "$mendfs" mkfs "$store" >/dev/null
as_user mkdir "$mnt"
must as_user "$mendfs" mount "$store" "$mnt"
must as_user bash -c "echo mine >'$mnt/files/a'"
same mine "$(as_user cat "$mnt/files/a")"
must as_user "$mendfs" status "$mnt" >/dev/null
must as_user "$mendfs" umount "$mnt"
refused "user_allow_other" as_user "$mendfs" mount "$store" "$mnt" -o allow_other
must as_user "$mendfs" mount "$store" "$mnt" -o ro
must as_user "$mendfs" status "$mnt" >/dev/null
must as_user "$mendfs" umount "$mnt"

must as_user "$mendfs" mount "$store" "$mnt"
pid=$(sed -n 's/^pid \([0-9]*\) .*/\1/p' "$store/LOCK")
kill -STOP "$pid"
as_user ls "$mnt/files" >/dev/null 2>&1 &
client=$!
soon grep -q T "/proc/$pid/stat"
if ! mountpoint -q /sys/fs/fuse/connections; then
  refused "/abort: " as_user timeout 20 "$mendfs" umount --force "$mnt"
  grep -q " $mnt " /proc/self/mounts || fail "what cannot be ended is not taken away"
  mount -t fusectl none /sys/fs/fuse/connections
fi
as_user timeout 20 "$mendfs" umount --force "$mnt" &
forcing=$!
wait "$client" || true
kill -CONT "$pid"
must wait "$forcing"
must as_user "$mendfs" mount "$store" "$mnt"
same mine "$(as_user cat "$mnt/files/a")"
must as_user "$mendfs" umount "$mnt"
