#!/bin/bash
# Rows under editors and their safe saves: sed -i, vim, python, perl -i. The row stays the same one.
. "${MENDFS_SOURCE:?}/tests/mount/lib.sh"
need sed python3 jq
start
number=$(stat -c %i "$people/bob.json")

# still AGE: bob has this age and is who he was, alone in the directory with the others.
still() {
  same "$1" "$(jq .age "$people/bob.json")"
  same "$number" "$(stat -c %i "$people/bob.json")"
  same "alice.json bob.json carol.json " "$(names "$people")"
  same "alice~bob.json bob~carol.json " "$(names "$knows")"
}
still 40

# sed writes sedXXXXXX beside the row and renames it.
must sed -i 's/40/41/' "$people/bob.json"
still 41
refused "Invalid argument" sed -i 's/41/4100/' "$people/bob.json"
same 41 "$(jq .age "$people/bob.json")"
rm -f "$people"/sed*
still 41
must sed -i.bak 's/41/42/' "$people/bob.json"
same 41 "$(jq .age "$people/bob.json.bak")"
must rm "$people/bob.json.bak"
still 42

# python: in place, and the usual way to replace a file.
must python3 - "$people" <<'END'
import json, os, sys, tempfile
path = os.path.join(sys.argv[1], "bob.json")
with open(path) as file:
    row = json.load(file)
row["age"] = 43
with open(path, "w") as file:
    json.dump(row, file, indent=2)
assert json.load(open(path))["age"] == 43
with open(path, "r+") as file:
    text = file.read()
    file.seek(0)
    file.write(text.replace("43", "44"))
    file.truncate()
assert json.load(open(path))["age"] == 44
with tempfile.NamedTemporaryFile("w", dir=sys.argv[1], delete=False) as file:
    json.dump({"age": 45}, file)
    file.flush()
    os.fsync(file.fileno())
os.replace(file.name, path)
assert json.load(open(path)) == {"age": 45}
with open(path) as old:
    with open(path, "w") as file:
        file.write('{"age": 46}')
        file.flush()
        assert json.load(open(path)) == {"age": 45}, "readers keep what is committed"
        assert os.stat(path).st_size == 11
        os.fsync(file.fileno())
        assert json.load(open(path)) == {"age": 46}
    assert json.load(old) == {"age": 45}, "one commit from open to close"
with open(path, "w") as file:
    file.write('{"age": "old')
try:
    with open(path, "w", buffering=1) as file:
        file.write('{"age":')
        file.write('"old"}\n')
    raise SystemExit("an age that is a text was accepted")
except OSError as error:
    assert error.errno == 22, error
assert json.load(open(path)) == {"age": 46}
os.unlink(path)
with open(path, "x") as file:
    file.write('{"age": 47}\n')
END
still 47

if command -v perl >/dev/null; then
  must perl -pi -e 's/47/48/' "$people/bob.json"
  still 48
  must sed -i 's/48/47/' "$people/bob.json"
fi

if command -v vim >/dev/null; then
  for options in '' 'set backupcopy=yes' 'set backupcopy=no' 'set backupcopy=no backup' \
    'set nowritebackup noswapfile' 'set fsync'; do
    must vim -u NONE -i NONE -es -c "$options" -c '%s/47/48/' -c 'wq' "$people/bob.json" </dev/null
    rm -f "$people/bob.json~"
    still 48
    must vim -u NONE -i NONE -es -c "$options" -c '%s/48/47/' -c 'wq' "$people/bob.json" </dev/null
    rm -f "$people/bob.json~"
    still 47
  done
fi

# Scratch files are ordinary files of their directory, and of no row.
echo anything >"$people/.swap"
must ln -s me@host "$people/.#bob.json"
same "me@host" "$(readlink "$people/.#bob.json")"
must chmod 600 "$people/.swap"
same "600 9" "$(stat -c '%a %s' "$people/.swap")"
must mv "$people/.swap" "$people/4913"
same anything "$(cat "$people/4913")"
refused "cannot move" mv "$people/4913" "$people/bob.json"
same anything "$(cat "$people/4913")"
must rm "$people/4913" "$people/.#bob.json"
still 47

# A row that goes for longer than a moment is gone, and one of its name later is another one.
must rm "$people/bob.json"
sleep 2.5
echo '{"age":1}' >"$people/bob.json"
[[ $(stat -c %i "$people/bob.json") != "$number" ]] || fail "the number came back"
same "" "$(names "$knows")"
