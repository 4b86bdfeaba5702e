#!/bin/bash
# What one change does to other names is seen by the very next call, though the kernel was asked for
# those names just before and is told nothing (docs/decisions/0008-no-notifications.md).
. "${MENDFS_SOURCE:?}/tests/mount/lib.sh"
need python3
start

must python3 - "$mnt" <<'END_PYTHON'
import os, sys

mnt = sys.argv[1]
people, knows, graph = mnt + "/nodes/Person/", mnt + "/edges/Knows/", mnt + "/graph/Person/"
rejected = mnt + "/.mend/rejected/Person/"


def put(path, text):
    with open(path, "w") as file:
        file.write(text)


def get(path):
    with open(path) as file:
        return file.read()


def known(*paths):
    for path in paths:
        for entry in os.scandir(os.path.dirname(path)):  # as `ls -l`: names with attributes
            entry.stat(follow_symlinks=False)
        os.lstat(path)


def gone(path):
    assert not os.path.lexists(path), path + " is still there"


for turn in range(20):
    put(people + "dan.json", '{"age":%d}\n' % turn)
    put(people + "eve.json", '{"age":99}\n')
    put(knows + "dan~eve.json", "{}")
    # A removed node takes its edges along, under all their names.
    known(people + "dan.json", knows + "dan~eve.json", graph + "eve/in/Knows/dan")
    os.unlink(people + "dan.json")
    gone(knows + "dan~eve.json")
    gone(graph + "eve/in/Knows/dan")
    # An edge that is made through the graph is in edges/ and at its other end.
    gone(knows + "alice~eve.json")
    gone(graph + "eve/in/Knows/alice")
    os.symlink("../../../eve", graph + "alice/out/Knows/eve")
    known(knows + "alice~eve.json", graph + "eve/in/Knows/alice")
    os.unlink(graph + "eve/in/Knows/alice")
    gone(knows + "alice~eve.json")
    gone(graph + "alice/out/Knows/eve")
    # A renamed row is the target's file from then on, and a row moved aside a file of its own.
    put(people + "dan.json", '{"age":%d}\n' % turn)
    known(people + "dan.json", people + "eve.json")
    target = os.stat(people + "eve.json").st_ino
    os.rename(people + "dan.json", people + "eve.json")
    assert os.stat(people + "eve.json").st_ino == target
    assert get(people + "eve.json") == '{"age":%d}\n' % turn
    known(people + "eve.json")
    os.rename(people + "eve.json", people + "eve.json~")
    assert get(people + "eve.json~") == '{"age":%d}\n' % turn
    gone(people + "eve.json")
    os.unlink(people + "eve.json~")
    # A body that is refused is kept under a name that was asked for before.
    name = rejected + "zoe%d.json.1" % turn
    gone(name)
    try:
        put(people + "zoe%d.json" % turn, '{"age":999}')
        raise AssertionError("999 is no age")
    except OSError:
        pass
    if os.path.lexists(name):
        assert get(name) == '{"age":999}'
kept = [name for name in os.listdir(rejected) if name.startswith("zoe")]
assert len(kept) == 40, kept
for name in kept:
    get(rejected + name)
END_PYTHON

# What comes by another door.
absent "$people/loaded.json"
echo '{"type":"Person","data":{"name":"loaded","age":7}}' | must "$mendfs" load "$mnt" - --mode append >/dev/null
same '{"name":"loaded","age":7}' "$(cat "$people/loaded.json")"
