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
        assert 0 <= json.loads(text)["age"] < 150, text[:80]


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

# A row that is being written for the first time is there for its writer alone, until it is accepted.
must python3 - "$people" <<'END'
import errno, multiprocessing, os, sys, time

people = sys.argv[1]
ROUNDS = 60


def fails(code, call, *arguments):
    try:
        call(*arguments)
    except OSError as error:
        assert error.errno == code, error
        return
    raise AssertionError("%s%s" % (call, arguments))


def watch(stop, seen):
    """Whatever is found under a new name is a whole body."""
    while not stop.is_set():
        for number in range(ROUNDS):
            path = "%s/new%d.json" % (people, number)
            try:
                size = os.stat(path).st_size
                text = open(path).read()
            except FileNotFoundError:
                continue
            assert text == '{"age": 7}' and size == 10, (size, text)
            seen.value += 1


def exclusive(start, won, lost):
    start.wait()
    for number in range(ROUNDS):
        try:
            with open("%s/one%d.json" % (people, number), "x") as file:
                file.write('{"age": %d}' % (os.getpid() % 150))
        except FileExistsError:
            with lost.get_lock():
                lost.value += 1
        else:
            with won.get_lock():
                won.value += 1


stop, seen = multiprocessing.Event(), multiprocessing.Value("i", 0)
watchers = [multiprocessing.Process(target=watch, args=(stop, seen)) for _ in range(2)]
for watcher in watchers:
    watcher.start()
for number in range(ROUNDS):
    path = "%s/new%d.json" % (people, number)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    assert os.fstat(fd).st_size == 0 and os.fstat(fd).st_mode & 0o777 == 0o600
    fails(errno.ENOENT, os.stat, path)
    fails(errno.ENOENT, open, path)
    fails(errno.ENOENT, os.unlink, path)
    assert os.path.basename(path) not in os.listdir(people)
    os.write(fd, b'{"age"')
    os.fchmod(fd, 0o640)
    os.utime(fd, (1, 1000 + number))
    assert os.fstat(fd).st_mtime == 1000 + number
    fails(errno.ENOENT, os.stat, path)
    os.write(fd, b': 7}')
    os.close(fd)
    after = os.stat(path)
    assert (after.st_size, after.st_mode & 0o777, after.st_mtime) == (10, 0o640, 1000 + number)
deadline = time.time() + 20
while seen.value == 0 and time.time() < deadline:
    time.sleep(0.01)
stop.set()
for watcher in watchers:
    watcher.join()
assert all(watcher.exitcode == 0 for watcher in watchers), "a draft was seen"
assert seen.value > 0

# Of those who open a new name to be the one who makes it, one does; the others hear so at close.
start = multiprocessing.Event()
won, lost = multiprocessing.Value("i", 0), multiprocessing.Value("i", 0)
makers = [multiprocessing.Process(target=exclusive, args=(start, won, lost)) for _ in range(3)]
for maker in makers:
    maker.start()
start.set()
for maker in makers:
    maker.join()
assert all(maker.exitcode == 0 for maker in makers)
assert (won.value, lost.value) == (ROUNDS, 2 * ROUNDS), (won.value, lost.value)
END
made=$(ls "$people" | grep -c '^one')
same 60 "$made"

# A handle reads one version, and finds its end; the name shows the newest.
must python3 - "$people/sized.json" <<'END'
import os, sys

path = sys.argv[1]
open(path, "w").write('{"age": 1}')
old = open(path)
open(path, "w").write('{"age":          100}')
assert os.stat(path).st_size == 21
assert os.lseek(old.fileno(), 0, os.SEEK_END) == 10
os.lseek(old.fileno(), 0, os.SEEK_SET)
assert old.read() == '{"age": 1}'
assert os.stat(path).st_size == 21
END

before=$(names "$people"; names "$knows"; cat "$people"/*.json)
remount
same "$before" "$(names "$people"; names "$knows"; cat "$people"/*.json)"
same ok "$(cat "$mnt/.mend/health")"
unmount
must "$mendfs" fsck -n "$store" >/dev/null
