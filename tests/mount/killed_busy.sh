#!/bin/bash
# A daemon that is killed in the middle of anything frees its mount: clients end, the mount point can
# be unmounted, LOCK is free and the next mount works. Six clients make, remove and rename in the same
# directories, so that somebody always waits for the daemon with a directory locked, while names
# change behind the kernel's back: by loads, and by edges that go with their node.
. "${MENDFS_SOURCE:?}/tests/mount/lib.sh"
need python3
start
rounds=${ROUNDS:-15}
# A mount that hangs must not outlive the test.
free() {
  set +e
  kill $(jobs -p)
  umount -f "$mnt"
  umount -l "$mnt"
} 2>/dev/null
trap free EXIT

cat >client.py <<'END_CLIENT'
import os, random, sys

# Until the mount is gone. What a step may meet because another was faster means nothing.
mnt, me, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
rng = random.Random(seed * 100 + me)
people, knows, files = mnt + "/nodes/Person", mnt + "/edges/Knows", mnt + "/files"
NAMES = ["p%d" % i for i in range(8)]
gone = {107, 103, 5}  # ENOTCONN, ECONNABORTED, EIO


def put(path, text):
    with open(path, "w") as file:
        file.write(text)


def step():
    row = "%s/%s.json" % (people, rng.choice(NAMES))
    other = "%s/%s.json" % (people, rng.choice(NAMES))
    edge = "%s/%s~%s.json" % (knows, rng.choice(NAMES), rng.choice(NAMES))
    file = "%s/%s" % (files, rng.choice(NAMES))
    what = rng.randrange(12)
    if what < 3:
        put(row, '{"age":%d}' % rng.randrange(200))
    elif what == 3:
        os.rename(row, other)
    elif what == 4:
        scratch = "%s/.%d" % (people, me)
        put(scratch, '{"age":1}')
        os.replace(scratch, row)
    elif what == 5:
        os.rename(row, row + "~%d" % me)
    elif what < 8:
        os.unlink(rng.choice([row, edge]))
    elif what < 10:
        put(edge, "{}")
    elif what == 10:
        put(file, "x")
        os.rename(file, "%s/%s" % (files, rng.choice(NAMES)))
    else:
        os.listdir(rng.choice([people, knows, files, mnt + "/.mend/rejected"]))


while True:
    try:
        step()
    except OSError as error:
        if error.errno in gone:
            break
END_CLIENT

daemon() { sed -n 's/^pid \([0-9]*\) .*/\1/p' "$store/LOCK"; }

# loads ROUND PID: until that daemon is gone; without it a load would open the store itself
loads() {
  local i=0
  while kill -0 "$2" 2>/dev/null && printf '{"type":"Person","data":{"name":"r%d.%d"}}\n' "$1" "$i" |
    "$mendfs" load "$mnt" - --mode append >/dev/null 2>&1; do
    i=$((i + 1))
  done
}

# ended PID…: within ten seconds; what the kernel shows of one that is not
ended() {
  local pid
  for pid; do
    for _ in $(seq 100); do
      kill -0 "$pid" 2>/dev/null || continue 2
      sleep 0.1
    done
    head -v "/proc/$pid"/task/*/{stat,wchan} >&2 || true
    fail "round $round: process $pid has not ended"
  done
}

seed=${MENDFS_SEED:-$RANDOM}
echo "MENDFS_SEED=$seed"
for round in $(seq "$rounds"); do
  clients=()
  pid=$(daemon)
  for me in 1 2 3 4 5 6; do
    python3 client.py "$mnt" "$me" "$((seed + round))" &
    clients+=($!)
  done
  loads "$round" "$pid" &
  clients+=($!)
  sleep "0.$((5 + round % 5))"
  must kill -9 "$pid"
  ended "$pid" "${clients[@]}"
  refused "" ls "$mnt/files"
  must timeout 20 "$mendfs" umount "$mnt"
  must timeout 20 "$mendfs" mount "$store" "$mnt"
  same ok "$(cat "$mnt/.mend/health")"
done
unmount
must "$mendfs" fsck -n "$store" >/dev/null
