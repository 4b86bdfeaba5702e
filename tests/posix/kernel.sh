#!/bin/bash
# A kernel's source tree lives in files/: unpacked, built, copied with everything by rsync, searched
# and removed; what comes back is what went in.
#
# Needs:  MENDFS_KERNEL, a linux-source-*.tar.xz (default: the newest in /usr/src)
. "${MENDFS_SOURCE:?}/tests/mount/lib.sh"
tarball=${MENDFS_KERNEL:-$(for file in /usr/src/linux-source-*.tar.xz; do echo "$file"; done | sort -V | tail -n 1)}
[[ -f $tarball ]] || {
  echo "skipped: there is no linux-source-*.tar.xz (package linux-source)"
  exit 77
}
need xz make gcc flex bison bc rsync
start
place=$mnt/files/k
mkdir "$place" outside
must tar -xJf "$tarball" -C "$place"
must tar -xJf "$tarball" -C outside
tree=$(basename outside/*)
count=$(find outside | wc -l)
must diff -r --no-dereference outside "$place"
same "$(cd outside && find . -printf '%p %y %m %s %l %TY-%Tm-%Td %TT\n' | grep -v '^[^ ]* d' | LC_ALL=C sort | sha256sum)" \
  "$(cd "$place" && find . -printf '%p %y %m %s %l %TY-%Tm-%Td %TT\n' | grep -v '^[^ ]* d' | LC_ALL=C sort | sha256sum)"
rm -rf outside

must make -C "$place/$tree" tinyconfig >make.out 2>&1
must make -C "$place/$tree" -j"$(nproc)" vmlinux >make.out 2>&1
must test -s "$place/$tree/vmlinux"
must make -C "$place/$tree" -q vmlinux >/dev/null 2>&1 || true
must rsync -aHAX --checksum "$place/" "$mnt/files/copy/"
same "" "$(rsync -aHAXni --checksum --delete "$place/" "$mnt/files/copy/")"

remount
same "" "$(rsync -aHAXni --checksum --delete "$place/" "$mnt/files/copy/")"
must rm -rf "$place"
same "copy " "$(names "$mnt/files")"
must rm -rf "$mnt/files/copy"
unmount
must "$mendfs" fsck -n "$store" >/dev/null
echo "kernel: $count names unpacked, built, copied and compared twice, removed"
