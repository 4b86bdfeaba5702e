#!/bin/bash
# mount(8), umount(8) and fsck(8) with the helpers in /sbin, by hand and through fstab. /sbin and
# /etc/fstab are those of a private mount namespace, so the machine keeps its own.
. "${MENDFS_SOURCE:?}/tests/mount/lib.sh"
need unshare fsck mount umount
((EUID == 0)) || {
  echo "skipped: only root may lay something over /sbin"
  exit 77
}
in_own_mounts

# A copy of /sbin's links and programs, with ours beside them.
sbin=$(realpath /sbin)
mkdir private
cp -a "$sbin/." private/
for name in mount.mendfs fsck.mendfs mkfs.mendfs; do ln -sf "$(realpath "$mendfs")" "private/$name"; done
mount --bind private "$sbin"
free() {
  set +e
  unmount
  umount -l "$mnt" "$sbin"
} 2>/dev/null
trap free EXIT

must mkfs.mendfs "$store" >/dev/null
mkdir "$mnt"
must mount -t mendfs "$store" "$mnt"
must mountpoint -q "$mnt"
echo kept >"$mnt/files/kept"
refused "already" mount -t mendfs "$store" "$mnt"
must umount "$mnt"
must mount -t mendfs "$store" "$mnt" -o ro # at once: the daemon that ends is waited for
same kept "$(cat "$mnt/files/kept")"
refused "Read-only" touch "$mnt/files/no"
must umount "$mnt"

# What mount(8) passes on, and what stands in fstabs.
for flags in -n -v -s -r -w "-n -v -s"; do
  # shellcheck disable=SC2086
  must mount $flags -t mendfs "$store" "$mnt" >/dev/null
  must umount "$mnt"
done
must mount -f -t mendfs "$store" "$mnt" # all but the mounting
if mountpoint -q "$mnt"; then fail "mount -f mounts nothing"; fi
must mount -s -t mendfs "$store" "$mnt" -o turbo=9
must umount "$mnt"
refused "turbo" mount -t mendfs "$store" "$mnt" -o turbo=9
fstab_words=_netdev,nofail,noauto,user,exec,x-systemd.automount,x-gvfs-hide,comment=ours
must mount -t mendfs "$store" "$mnt" -o "$fstab_words"
must umount "$mnt"

# fstab.
echo "$store $mnt mendfs $fstab_words,commit=2s 0 2" >fstab
touch /etc/fstab
mount --bind fstab /etc/fstab
must mount "$mnt"
same kept "$(cat "$mnt/files/kept")"
must umount "$mnt"
echo "$store $mnt mendfs defaults,ro,nofail 0 2" >fstab
must mount -a
must mount -a # there already
same 1 "$(grep -c " $mnt " /proc/self/mounts)"
refused "Read-only" touch "$mnt/files/no"
must umount "$mnt"

# fsck(8) hands over -C, -a and the like, and reports our exit code.
code() {
  local code=0
  "$@" >said 2>&1 || code=$?
  echo "$code"
}
same 0 "$(code fsck -t mendfs "$store" -n)"
same 0 "$(code fsck -t mendfs -a "$store")"
same 0 "$(code fsck -t mendfs -C "$store" -y)"
same 0 "$(code fsck.mendfs -f -p "$store")"
same 16 "$(code fsck.mendfs --turbo "$store")"
same 8 "$(code fsck.mendfs "$store/nowhere")"
must mount -t mendfs "$store" "$mnt" -o rw
same 8 "$(code fsck.mendfs "$store")" # in use
must umount "$mnt"
for _ in $(seq 100); do
  same_holder=$("$mendfs" doctor "$store" || true)
  [[ $same_holder == *"in use"* ]] || break
  sleep 0.1
done
journal=$(find "$store/journal" -name '*.log' | head -1)
printf 'damage' | dd of="$journal" bs=1 seek=70 conv=notrunc status=none
seen=$(code fsck -t mendfs "$store" -n)
same 4 "$seen"
umount /etc/fstab

# cmake --install puts the links where mount(8) and fsck(8) look.
build=$(dirname "$(dirname "$(realpath "$mendfs")")")
if [[ -f $build/cmake_install.cmake ]] && command -v cmake >/dev/null; then
  for prefix in /usr /usr/local; do
    DESTDIR=$PWD/dest$prefix must cmake --install "$build" --prefix "$prefix" >/dev/null
    must test -x "dest$prefix$prefix/bin/mendfs"
    for name in mount.mendfs fsck.mendfs mkfs.mendfs; do
      same "$prefix/bin/mendfs" "$(readlink "dest$prefix$sbin/$name")"
    done
  done
  DESTDIR=$PWD/dest must cmake --install "$build" --prefix /opt/mendfs >/dev/null
  same /opt/mendfs/bin/mendfs "$(readlink dest/opt/mendfs/sbin/mount.mendfs)"
fi
