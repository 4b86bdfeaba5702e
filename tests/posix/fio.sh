#!/bin/bash
# What fio writes it reads back, block by block: buffered, mapped, direct, with fsync, with holes,
# several jobs at once, overwritten in place, and again after a remount and after a kill.
. "${MENDFS_SOURCE:?}/tests/mount/lib.sh"
need fio
start
place=$mnt/files/fio
mkdir "$place"
common=(--directory="$place" --size=24m --verify=xxhash --verify_fatal=1 --minimal --group_reporting)

# kept NAME OPTION…: written and verified now, and verified again later
kept=()
kept() {
  must fio "${common[@]}" --name="$@" --do_verify=1 >>fio.out
  kept+=("$(printf '%q ' "$@")")
}
verify_kept() {
  local job
  for job in "${kept[@]}"; do
    eval "must fio ${common[*]@Q} --name=$job --verify_only=1" >>fio.out
  done
}

kept sequential --rw=write --bs=1m --ioengine=psync
kept small --rw=write --bs=4k --ioengine=psync --end_fsync=1
kept random --rw=randwrite --bs=4k --ioengine=psync --fsync=64
kept odd --rw=randwrite --bsrange=512-256k --bs_unaligned=0 --ioengine=psync --numjobs=2
kept mapped --rw=randwrite --bs=4k --ioengine=mmap
kept direct --rw=randwrite --bs=16k --ioengine=libaio --iodepth=8 --direct=1
kept reserved --rw=randwrite --bs=8k --fallocate=native --ioengine=psync
# fio cannot verify a part of a file later.
must fio "${common[@]}" --name=holes --rw=randwrite --bs=8k --filesize=256m --io_size=8m \
  --fallocate=none --ioengine=psync --do_verify=1 >>fio.out
must fio "${common[@]}" --name=mixed --rw=randrw --bsrange=1k-64k --ioengine=psync --numjobs=4 \
  --verify_backlog=64 --time_based --runtime=5 >>fio.out

remount
verify_kept
pid=$(sed -n 's/^pid \([0-9]*\) .*/\1/p' "$store/LOCK")
kill -9 "$pid"
soon bash -c "! kill -0 $pid"
umount -l "$mnt"
must "$mendfs" mount "$store" "$mnt"
verify_kept
unmount
must "$mendfs" fsck -n --data "$store" >/dev/null
echo "fio: ${#kept[@]} jobs verified three times, one mixed"
