#!/bin/bash
# Many at once on few rows: writers, safe saves, renames, removals, readers and listings. Whatever the
# order, every body that is read is a whole one, and in the end listing and rows agree.
. "${MENDFS_SOURCE:?}/tests/mount/lib.sh"
need python3
start
rm "$people"/*.json

must python3 - "$mnt" "${MENDFS_SEED:-}" <<'END'
import errno, json, multiprocessing, os, random, sys

mnt, seed = sys.argv[1], int(sys.argv[2] or random.randrange(2**32))
print("MENDFS_SEED=%d" % seed)
people, knows = mnt + "/nodes/Person", mnt + "/edges/Knows"
NAMES = ["p%d" % i for i in range(6)]
# What a step may meet because another one was faster.
MEETS = {errno.ENOENT, errno.EINVAL, errno.EEXIST, errno.EBUSY, errno.ESTALE}


def body(rng):
    return json.dumps({"age": rng.randrange(150), "city": "x" * rng.choice([0, 10, 5000, 70000])})


def step(rng, me):
    row = "%s/%s.json" % (people, rng.choice(NAMES))
    other = "%s/%s.json" % (people, rng.choice(NAMES))
    edge = "%s/%s~%s.json" % (knows, rng.choice(NAMES), rng.choice(NAMES))
    what = rng.randrange(10)
    if what < 2:
        with open(row, "w") as file:
            file.write(body(rng))
    elif what == 2:
        scratch = "%s/.%d" % (people, me)
        with open(scratch, "w") as file:
            file.write(body(rng))
        os.replace(scratch, row)
    elif what == 3:
        os.rename(row, row + "~%d" % me)
        with open(row, "x") as file:
            file.write(body(rng))
    elif what == 4:
        os.rename(row, other)
    elif what == 5:
        os.unlink(rng.choice([row, edge]))
    elif what == 6:
        with open(edge, "w") as file:
            file.write(rng.choice(["{}", '{"since":"2020-01-01"}', ""]))
    elif what == 7:
        for name in os.listdir(rng.choice([people, knows])):
            assert name.endswith(".json") or "~" in name or name.startswith("."), name
    elif what == 8:
        os.chmod(row, rng.choice([0o600, 0o644]))
        os.utime(row, (1, rng.randrange(2**31)))
        os.stat(row)
    else:
        with open(row) as file:
            text = file.read()
        assert text == "" or 0 <= json.loads(text)["age"] < 150, text[:80]


def work(me):
    rng = random.Random(seed * 100 + me)
    for _ in range(400):
        try:
            step(rng, me)
        except OSError as error:
            if error.errno not in MEETS:
                raise


workers = [multiprocessing.Process(target=work, args=(me,)) for me in range(5)]
for worker in workers:
    worker.start()
for worker in workers:
    worker.join()
assert all(worker.exitcode == 0 for worker in workers), [w.exitcode for w in workers]

for name in os.listdir(people):
    if name.endswith(".json"):
        json.load(open(people + "/" + name))
ends = {name[:-5] for name in os.listdir(people) if name.endswith(".json")}
for name in os.listdir(knows):
    source, target = name[:-5].split("~")[:2]
    assert source in ends and target in ends, name
    os.stat(knows + "/" + name)
END

before=$(names "$people"; names "$knows"; cat "$people"/*.json)
remount
same "$before" "$(names "$people"; names "$knows"; cat "$people"/*.json)"
same ok "$(cat "$mnt/.mend/health")"
unmount
must "$mendfs" fsck -n "$store" >/dev/null
