# files/ under tools that lean on the finer points: locks, shared memory, sqlite, git, rsync -aHAX.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need python3 flock git rsync sqlite3 setfacl setfattr
start
files=$mnt/files

# Locks hold between processes: flock(2), fcntl(2), and open file descriptions.
: >"$files/lock"
exec 7<>"$files/lock"
must flock -x 7
if flock -xn "$files/lock" true; then fail "two hold the same flock"; fi
exec 7>&-
must flock -xn "$files/lock" true
must python3 - "$files/lock" <<'END'
import errno, fcntl, os, struct, sys
path = sys.argv[1]
def refused(call):
    try:
        call()
    except OSError as error:
        return error.errno in (errno.EAGAIN, errno.EACCES)
    return False
def in_child(call):
    child = os.fork()
    if child == 0:
        os._exit(0 if call() else 1)
    return os.waitpid(child, 0)[1] == 0
first = os.open(path, os.O_RDWR)
fcntl.lockf(first, fcntl.LOCK_EX | fcntl.LOCK_NB, 10, 0)
def child():
    other = os.open(path, os.O_RDWR)
    fcntl.lockf(other, fcntl.LOCK_EX | fcntl.LOCK_NB, 10, 100)  # another range
    return refused(lambda: fcntl.lockf(other, fcntl.LOCK_SH | fcntl.LOCK_NB, 1, 5))
assert in_child(child), "fcntl locks do not hold"
fcntl.lockf(first, fcntl.LOCK_UN)
F_OFD_SETLK = 37
def ofd(file, kind):
    fcntl.fcntl(file, F_OFD_SETLK, struct.pack("hhqqi4x", kind, 0, 0, 10, 0))
second = os.open(path, os.O_RDWR)
ofd(first, fcntl.F_WRLCK)
assert refused(lambda: ofd(second, fcntl.F_WRLCK)), "descriptions share a lock"
os.close(first)
ofd(second, fcntl.F_WRLCK)
END

# A shared mapping, read(2) and write(2) see the same bytes; two processes see each other's.
must python3 - "$files/map" <<'END'
import mmap, os, sys
path = sys.argv[1]
file = os.open(path, os.O_RDWR | os.O_CREAT)
os.ftruncate(file, 3 << 20)
memory = mmap.mmap(file, 3 << 20)
memory[5:10] = b"first"
assert os.pread(file, 5, 5) == b"first"
os.pwrite(file, b"second", 1 << 20)
assert memory[1 << 20 : (1 << 20) + 6] == b"second"
if os.fork() == 0:
    other = mmap.mmap(os.open(path, os.O_RDWR), 3 << 20)
    assert other[5:10] == b"first"
    other[2 << 20 : (2 << 20) + 5] = b"third"
    os._exit(0)
assert os.wait()[1] == 0
assert os.pread(file, 5, 2 << 20) == b"third"
memory[:5] = b"start"
memory.flush()
os.close(file)
END
same "start" "$(head -c 5 "$files/map")"

# sqlite, with both of its journals, two writers at a time.
for journal in delete wal; do
  base=$files/$journal.db
  sqlite3 "$base" "pragma journal_mode=$journal; create table t(n integer primary key, s text);" >/dev/null
  for writer in 1 2; do
    for i in $(seq 40); do
      echo "insert into t(s) values('$writer-$i');"
    done | sqlite3 -cmd ".timeout 60000" "$base" &
  done
  wait
  same 80 "$(sqlite3 "$base" 'select count(*) from t')"
  must sqlite3 "$base" "begin; update t set s=s||'x'; rollback;"
  must sqlite3 "$base" "delete from t where n%2; vacuum;"
  same ok "$(sqlite3 "$base" 'pragma integrity_check')"
done

# git: commits, branches, a merge, repacking, a clone; every object whole.
export GIT_CONFIG_GLOBAL=$PWD/gitconfig
git config --global user.email a@b.c && git config --global user.name n
git config --global init.defaultBranch main
git init -q "$files/repo"
(
  cd "$files/repo"
  mkdir -p src/deep
  for i in $(seq 60); do seq "$i" 200 >"src/f$i" && cp "src/f$i" "src/deep/g$i"; done
  git add . && git commit -qm first
  git checkout -qb side && echo side >src/side && git add . && git commit -qm side
  git checkout -q main && echo main >>src/f1 && git commit -qam main
  git merge -q -m merged side
  git mv src/f2 src/moved && git commit -qm moved
  must git gc -q --prune=now
  must git fsck --strict --full
  same "" "$(git status --short)"
  must git stash list
  git worktree add -q ../work side
)
must git clone -q --no-local "$files/repo" "$files/clone"
same "$(git -C "$files/repo" rev-parse HEAD)" "$(git -C "$files/clone" rev-parse HEAD)"
must diff -r --exclude .git "$files/repo" "$files/clone"

# rsync with hard links, ACLs, xattrs and checksums: in, and out again, nothing is left to do.
mkdir -p tree/sub
head -c 300000 /dev/urandom >tree/big && ln tree/big tree/sub/hard && ln -s ../big tree/sub/soft
echo x >tree/f && touch -d '1969-12-31 23:59:58.25' tree/f && chmod 6711 tree/f
setfattr -n user.note -v kept tree/f && setfacl -m u:1001:rw tree/big && setfacl -dm g:7:rx tree/sub
truncate -s 5M tree/sparse
must rsync -aHAX --checksum tree/ "$files/in/"
same "" "$(rsync -aHAX --checksum -in --delete tree/ "$files/in/")"
must rsync -aHAX --checksum "$files/in/" out/
same "" "$(rsync -aHAX --checksum -in --delete tree/ out/)"
must diff -r --no-dereference tree out
remount
same "" "$(rsync -aHAX --checksum -in --delete tree/ "$files/in/")"
must git -C "$files/clone" fsck --strict
same ok "$(sqlite3 "$files/wal.db" 'pragma integrity_check')"
must "$mendfs" umount "$mnt"
must "$mendfs" fsck -n "$store"
