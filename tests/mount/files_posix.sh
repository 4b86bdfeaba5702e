# The corners of files/: files without a name, file handles, times, numbers, long names, big listings.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need python3 stat
start
files=$mnt/files

# O_TMPFILE: no name, gone with its descriptor, or linked to where it is wanted.
must python3 - "$files" "$people" <<'END'
import ctypes, errno, os, sys
libc = ctypes.CDLL(None, use_errno=True)
files, table = sys.argv[1:]
def unnamed(flags=0):
    return os.open(files, os.O_TMPFILE | os.O_RDWR | flags, 0o640)
def fails(code, call, *arguments, **named):
    try:
        call(*arguments, **named)
    except OSError as error:
        assert error.errno == code, error
    else:
        raise AssertionError((call, arguments))
def link(file, name):
    source, target = "/proc/self/fd/%d" % file, os.path.join(files, name)
    AT_FDCWD, AT_SYMLINK_FOLLOW = -100, 0x400
    if libc.linkat(AT_FDCWD, source.encode(), AT_FDCWD, target.encode(), AT_SYMLINK_FOLLOW):
        raise OSError(ctypes.get_errno(), "link " + target)
try:
    file = unnamed()
except OSError as error:
    assert error.errno == errno.EOPNOTSUPP, error  # a kernel before 6.1
    sys.exit(0)
before = os.listdir(files)
os.write(file, b"late")
assert os.fstat(file).st_nlink == 0 and os.fstat(file).st_size == 4
assert os.listdir(files) == before
link(file, "named")
assert os.fstat(file).st_nlink == 1
os.write(file, b" bytes")
os.close(file)
assert open(os.path.join(files, "named")).read() == "late bytes"
file = unnamed(os.O_EXCL)
fails(errno.ENOENT, link, file, "never")
os.close(file)
file = unnamed()
fails(errno.EEXIST, link, file, "named")
os.close(file)
file = os.open(os.path.join(files, "named"), os.O_RDWR)
os.unlink(os.path.join(files, "named"))
fails(errno.ENOENT, link, file, "again")
fails(errno.EOPNOTSUPP, os.open, table, os.O_TMPFILE | os.O_RDWR, 0o600)
END

# A file handle finds its file again, also behind the kernel's caches, and not a file that is gone.
mkdir -p "$files/a/b" && echo deep >"$files/a/b/f"
cat >handles.py <<'END'
import ctypes, errno, os, sys
libc = ctypes.CDLL(None, use_errno=True)
class Handle(ctypes.Structure):
    _fields_ = [("bytes", ctypes.c_uint), ("type", ctypes.c_int), ("data", ctypes.c_char * 128)]
def handle_of(path):
    handle, mount = Handle(bytes=128), ctypes.c_int()
    if libc.name_to_handle_at(-100, path.encode(), ctypes.byref(handle), ctypes.byref(mount), 0):
        raise OSError(ctypes.get_errno(), path)
    return handle
def open_handle(mount, handle, flags=os.O_RDONLY):
    at = os.open(mount, os.O_RDONLY)
    file = libc.open_by_handle_at(at, ctypes.byref(handle), flags)
    if file < 0:
        raise OSError(ctypes.get_errno(), "open_by_handle_at")
    return file
def drop_caches():
    try:
        open("/proc/sys/vm/drop_caches", "w").write("2")
    except OSError:
        pass
mount = sys.argv[1]
file, directory = handle_of(mount + "/files/a/b/f"), handle_of(mount + "/files/a/b")
for _ in range(2):
    again = open_handle(mount, file)
    assert os.read(again, 9) == b"deep\n"
    os.close(again)
    again = open_handle(mount, directory)
    assert os.listdir(again) == ["f"]
    os.close(again)
    drop_caches()
at = open_handle(mount, directory)
up = os.open("..", os.O_RDONLY, dir_fd=at)
assert os.listdir(up) == ["b"]
for held in (at, up):
    os.close(held)
os.unlink(mount + "/files/a/b/f")
drop_caches()
try:
    open_handle(mount, file)
except OSError as error:
    assert error.errno == errno.ESTALE, error
else:
    raise AssertionError("a file that is gone was opened")
END
if ((EUID == 0)); then must python3 handles.py "$mnt"; fi

# Times to the nanosecond, before 1970, and up to the last that can be kept.
must python3 - "$files/times" <<'END'
import os, sys
path = sys.argv[1]
open(path, "w").close()
def keeps(ns, wanted=None):
    os.utime(path, ns=(ns, ns))
    seen = os.stat(path)
    wanted = ns if wanted is None else wanted
    assert (seen.st_atime_ns, seen.st_mtime_ns) == (wanted, wanted), (ns, seen)
for ns in (0, 1, -1, -1_500_000_001, 2**31 * 10**9 + 7, 2**32 * 10**9, 9_000_000_000 * 10**9 + 999_999_999):
    keeps(ns)
limit = (2**63 - 1) // 10**9 - 1
keeps(10**11 * 10**9, limit * 10**9)
keeps(-10**11 * 10**9, -limit * 10**9)
before = os.stat(path).st_ctime_ns
os.chmod(path, 0o600)
assert os.stat(path).st_ctime_ns > before
END

# Inode numbers stay over a remount, and are not used again.
mkdir "$files/numbers" && for i in 1 2 3; do echo "$i" >"$files/numbers/$i"; done
seen=$(cd "$files/numbers" && stat -c '%n %i %h %Y %Z %a' . *)
number=$(stat -c %i "$files/numbers/3")
remount
same "$seen" "$(cd "$files/numbers" && stat -c '%n %i %h %Y %Z %a' . *)"
rm "$files/numbers/3" && echo new >"$files/numbers/3"
[[ $(stat -c %i "$files/numbers/3") != "$number" ]] || fail "an inode number came back"

# Reading changes no time, but with relatime the first read after a change.
echo x >"$files/read" && touch -a -d 2001-01-01 "$files/read"
cat "$files/read" >/dev/null
same 2001 "$(date -d "@$(stat -c %X "$files/read")" +%Y)"
remount -o relatime
changed=$(stat -c %Z "$files/read")
cat "$files/read" >/dev/null
read_again() { (($(stat -c %X "$files/read") >= changed)); }
soon read_again
same "$changed" "$(stat -c %Z "$files/read")"
remount

# Names of 255 bytes, of any bytes but two.
long=$(printf 'n%.0s' $(seq 255))
must touch "$files/$long"
refused "File name too long" touch "$files/${long}n"
odd=$'\x01\xff\n*?"\\ '
echo odd >"$files/$odd" && same odd "$(cat "$files/$odd")"

# A listing goes on while names come and go: what stays is seen exactly once.
mkdir "$files/many"
must python3 - "$files/many" "${MENDFS_MANY:-5000}" <<'END'
import os, sys
path, count = sys.argv[1], int(sys.argv[2])
for i in range(count):
    os.close(os.open("%s/stays%d" % (path, i), os.O_CREAT | os.O_WRONLY))
for i in range(count // 10):
    os.close(os.open("%s/goes%d" % (path, i), os.O_CREAT | os.O_WRONLY))
seen = {}
with os.scandir(path) as names:
    for turn, entry in enumerate(names):
        seen[entry.name] = seen.get(entry.name, 0) + 1
        if turn % 10 == 0 and turn // 10 < count // 10:
            os.unlink("%s/goes%d" % (path, turn // 10))
            os.close(os.open("%s/comes%d" % (path, turn), os.O_CREAT | os.O_WRONLY))
assert all(seen.get("stays%d" % i) == 1 for i in range(count)), "a name is missing or twice"
assert max(seen.values()) == 1, "a name is listed twice"
END
rm -r "$files/many"

# statfs tells what the disk below has.
same "$(stat -f -c %S "$files")" 4096
python3 - "$files" "$store" <<'END' || fail "statfs tells another disk"
import os, sys
seen, below = os.statvfs(sys.argv[1]), os.statvfs(sys.argv[2])
assert seen.f_blocks * seen.f_frsize == below.f_blocks * below.f_frsize
assert seen.f_bavail * seen.f_frsize <= below.f_bfree * below.f_frsize
assert seen.f_namemax == 255 and seen.f_files > seen.f_ffree > 0
END
must "$mendfs" umount "$mnt"
must "$mendfs" fsck -n "$store"
