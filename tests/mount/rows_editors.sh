#!/bin/bash
# Rows under editors and their safe saves, each in the ways that its settings know: vim, emacs, nano,
# ed, sed -i, perl -i, python, node. The row stays the same one.
#
# Usage:  rows_editors.sh [WAY]: only ways whose whole name matches, e.g. 'vim.*'
. "${MENDFS_SOURCE:?}/tests/mount/lib.sh"
. "${MENDFS_SOURCE:?}/tests/mount/lib_edits.sh"
need sed python3 jq
only=${1:-}
start

Vim() { vim -u NONE -i NONE -es -c "set nocompatible ${1#set}" -c "%s/$old/$new/" -c wq "$row" </dev/null; }
Emacs() {
  emacs -Q --batch --eval "$1" "$row" \
    --eval "(progn (goto-char 1) (search-forward \"$old\") (replace-match \"$new\" t t) (save-buffer))" 2>&1
}
Python() {
  python3 -c "
import os, sys, tempfile
row, body = sys.argv[1], open(sys.argv[2]).read()
def put(path, mode):
    with open(path, mode) as file: file.write(body)
$1" "$row" "$want"
}
# Types as a person does: search, replace, all, write, leave. Fails if the editor says that it could not.
Nano() {
  python3 - "$row" "$old" "$new" "$@" <<'END'
import os, pty, select, sys, time
row, old, new, options = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]
os.environ["TERM"] = "xterm"
child, screen = pty.fork()
if child == 0:
    os.execvp("nano", ["nano", "--ignorercfiles"] + options + [row])
seen = b""
def listen(seconds, *words):
    global seen
    end = time.monotonic() + seconds
    here = len(seen)
    while time.monotonic() < end and not any(word in seen[here:] for word in words):
        if select.select([screen], [], [], 0.05)[0]:
            try: seen += os.read(screen, 65536)
            except OSError: return
def keys(text, *words): os.write(screen, text); listen(20, *words)
listen(20, b"Exit")
keys(b"\x1c", b"Search")
keys(old.encode() + b"\r", b"with")
keys(new.encode() + b"\r", b"instance")
keys(b"a", b"Replaced")
keys(b"\x0f", b"Write")
keys(b"\r", b"Wrote", b"Error", b"rror ")
failed = b"rror " in seen
os.write(screen, b"\x18")
listen(3, b"Save modified")
try: os.write(screen, b"n")
except OSError: pass
for _ in range(200):
    if os.waitpid(child, os.WNOHANG)[0]: break
    time.sleep(0.05)
else:
    os.kill(child, 9)
    raise SystemExit("nano did not leave: %r" % seen[-400:])
raise SystemExit(failed)
END
}

TryWays <<'END'
vim          vim    Vim ''
vim-yes      vim    Vim 'set backupcopy=yes writebackup'
vim-no       vim    Vim 'set backupcopy=no writebackup'
vim-auto     vim    Vim 'set backupcopy=auto writebackup'
vim-yes-bak  vim    Vim 'set backupcopy=yes backup'
vim-no-bak   vim    Vim 'set backupcopy=no backup backupext=.old'
vim-auto-bak vim    Vim 'set backupcopy=auto backup'
vim-none     vim    Vim 'set nowritebackup nobackup noswapfile'
vim-yes-none vim    Vim 'set backupcopy=yes nowritebackup noswapfile'
vim-nosync   vim    Vim 'set nofsync'
vim-undo     vim    Vim 'set undofile undodir=.'
ex           ex     ex -u NONE -i NONE -s -c "%s/$old/$new/" -c wq "$row" </dev/null
emacs        emacs  Emacs t
emacs-none   emacs  Emacs '(setq make-backup-files nil)'
emacs-copy   emacs  Emacs '(setq backup-by-copying t)'
emacs-precious emacs Emacs '(setq file-precious-flag t)'
emacs-number emacs  Emacs '(setq version-control t)'
emacs-fsync  emacs  Emacs '(setq write-region-inhibit-fsync nil create-lockfiles nil)'
nano         nano   Nano
nano-backup  nano   Nano --backup
nano-lock    nano   Nano --locking
ed           ed     printf '%s\n' "s/$old/$new/" w q | ed -s "$row"
sed          sed    sed -i "s/$old/$new/" "$row"
sed-bak      sed    sed -i.bak "s/$old/$new/" "$row"
sed-copy     sed    sed -i -n "s/$old/$new/;p" "$row"
perl         perl   perl -pi -e "s/$old/$new/" "$row"
perl-bak     perl   perl -pi.bak -e "s/$old/$new/" "$row"
python-w     python3 Python 'put(row, "w")'
python-wb    python3 Python 'f = open(row, "wb", 0); f.write(body.encode()); f.close()'
python-r+    python3 Python 'f = open(row, "r+"); f.read(); f.seek(0); f.write(body); f.truncate(); f.close()'
python-lines python3 Python 'f = open(row, "w", buffering=1); [f.write(c) for c in body]; f.close()'
python-pwrite python3 Python 'd = os.open(row, os.O_RDWR); b = body.encode(); os.ftruncate(d, len(b)); [os.pwrite(d, b[i:i+1], i) for i in reversed(range(len(b)))]; os.close(d)'
python-fsync python3 Python 'f = open(row, "w"); f.write(body); f.flush(); os.fsync(f.fileno()); f.close()'
python-os.replace python3 Python 'f = tempfile.NamedTemporaryFile("w", dir=os.path.dirname(row), delete=False); f.write(body); f.flush(); os.fsync(f.fileno()); f.close(); os.replace(f.name, row)'
python-new   python3 Python 'put(row + ".new", "w"); os.rename(row + ".new", row)'
python-unlink python3 Python 'os.unlink(row); put(row, "x")'
python-aside python3 Python 'os.rename(row, row + ".orig"); put(row, "x"); os.unlink(row + ".orig")'
node         node   node -e 'require("fs").writeFileSync(process.argv[1], require("fs").readFileSync(process.argv[2]))' "$row" "$want"
END
[[ -z $only ]] || exit 0
number=$(stat -c %i "$people/bob.json")

# still AGE: bob has this age and is who he was, with his edges.
still() {
  same "$1" "$(jq .age "$people/bob.json")"
  same "$number" "$(stat -c %i "$people/bob.json")"
  same "alice~bob.json bob~carol.json " "$(cd "$knows" && ls -d -- *~bob.json bob~*.json | tr '\n' ' ')"
}
still 40

# What a reader sees meanwhile, and what goes wrong in more than one step.
must python3 - "$people" <<'END'
import json, os, sys
path = os.path.join(sys.argv[1], "bob.json")
with open(path, "w") as file:
    file.write('{"age": 45}')
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

still 47

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
absent "$knows/alice~bob.json"
absent "$knows/bob~carol.json"
