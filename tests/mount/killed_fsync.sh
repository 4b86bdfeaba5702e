# Daemons that are killed under fsync load lose nothing that was acknowledged. KILLS of them; a long
# run is tests/run --crash.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need python3
printf 'node Item { k: String @key, n: I64 }\n' >schema
must "$mendfs" mkfs "$store" --schema schema >/dev/null
mkdir "$mnt"
trap 'unmount || umount -l "$mnt"' EXIT
seed=${MENDFS_SEED:-$RANDOM}
echo "MENDFS_SEED=$seed"
must python3 "${MENDFS_SOURCE:?}/tests/crash/kill_loop.py" "$mendfs" "$store" "$mnt" "${KILLS:-5}" "$seed"
