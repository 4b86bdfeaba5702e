# Who may do what in files/: ACLs (the kernel checks them, chmod and setfacl agree, directories pass
# them on), set-id bits, sticky directories, supplementary groups, the errnos of xattrs.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need setfacl getfacl setfattr getfattr setpriv python3
((EUID == 0)) || {
  echo "skipped: other users can be asked for only by root"
  exit 77
}
start
chmod 755 "$PWD" "$mnt/files"
files=$mnt/files
as() {  # USER GROUPS COMMAND…
  local user=$1 groups=$2
  shift 2
  setpriv --reuid="$user" --regid="${groups%%,*}" --groups="$groups" "$@"
}
acl() {
  getfacl -cn --absolute-names "$1" | tr '\n' ' ' | sed 's/ *$//'
}

# An access ACL decides who may read, at once and for those who were refused before.
echo secret >"$files/f" && chmod 600 "$files/f"
refused "Permission denied" as 1001 1001 cat "$files/f"
must setfacl -m u:1001:r,g:2000:rw "$files/f"
same "user::rw- user:1001:r-- group::--- group:2000:rw- mask::rw- other::---" "$(acl "$files/f")"
same 660 "$(stat -c %a "$files/f")"
same secret "$(as 1001 1001 cat "$files/f")"
refused "Permission denied" as 1001 1001 sh -c "echo no >>'$files/f'"
must as 1002 1002,2000 sh -c "echo more >>'$files/f'"
refused "Permission denied" as 1003 1003 cat "$files/f"

# chmod moves the mask, and the mask bounds the named.
chmod 640 "$files/f"
refused "Permission denied" as 1002 1002,2000 sh -c "echo no >>'$files/f'"
holds "$(acl "$files/f")" "mask::r--"
must setfacl -b "$files/f"
same "user::rw- group::--- other::---" "$(acl "$files/f")"
same "" "$(getfattr -d -m - "$files/f")"
refused "Permission denied" as 1001 1001 cat "$files/f"

# A default ACL is inherited by files and directories, in the place of the umask.
mkdir "$files/d" && must setfacl -d -m u::rwx,g::rx,o::-,u:1001:rwx "$files/d"
(umask 077 && echo x >"$files/d/new" && mkdir "$files/d/sub" && mkfifo "$files/d/pipe")
same "user::rw- user:1001:rwx group::r-x mask::rw- other::---" "$(acl "$files/d/new" | sed 's/\t#effective:...//g')"
same 660 "$(stat -c %a "$files/d/new")"
same "$(getfacl -dcn --absolute-names "$files/d")" "$(getfacl -dcn --absolute-names "$files/d/sub")"
holds "$(acl "$files/d/pipe")" user:1001
must as 1001 1001 sh -c "echo mine >>'$files/d/new'"
must setfacl -k "$files/d"
(umask 027 && : >"$files/d/plain")
same 640 "$(stat -c %a "$files/d/plain")"
# The umask counts in the tables too.
(umask 077 && echo '{"age":1}' >"$people/.scratch")
same 600 "$(stat -c %a "$people/.scratch")"

# Copies keep them, and so does a remount.
must setfacl -m u:1001:rwx "$files/d/sub/" && must cp -a "$files/d" "$files/copy"
same "$(cd "$files/d" && getfacl -Rn .)" "$(cd "$files/copy" && getfacl -Rn .)"
seen=$(cd "$files/d" && getfacl -Rn .)
remount
same "$seen" "$(cd "$files/d" && getfacl -Rn .)"

# Whoever sets one from outside of the file's group takes its set-group-id bit.
: >"$files/sgid" && chown 1001:2000 "$files/sgid" && chmod 2755 "$files/sgid"
must as 1001 1001,2000 setfacl -m u:1005:r "$files/sgid"
same 2755 "$(stat -c %a "$files/sgid")"
must as 1001 1001 setfacl -m u:1006:r "$files/sgid"
same 755 "$(stat -c %a "$files/sgid")"

# Set-id bits go when somebody else could profit: on write, truncate and chown.
set_id() { install -o 1001 -g 2000 -m 6777 /dev/null "$files/setid"; }
set_id && must as 1002 1002 sh -c "echo x >>'$files/setid'"
same 777 "$(stat -c %a "$files/setid")"
set_id && must as 1002 1002 truncate -s 5 "$files/setid"
same 777 "$(stat -c %a "$files/setid")"
set_id && must as 1001 2000,2001 chgrp 2001 "$files/setid"
same 777 "$(stat -c %a "$files/setid")"
set_id && must chown 1003 "$files/setid"
same 777 "$(stat -c %a "$files/setid")"
set_id && must as 1001 1001 chmod 6755 "$files/setid"
same 4755 "$(stat -c %a "$files/setid")"

# In a sticky directory everybody removes their own; a group counts when it is not the first.
mkdir -m 1777 "$files/sticky" && mkdir -m 2770 "$files/team" && chgrp 2000 "$files/team"
must as 1001 1001 touch "$files/sticky/theirs"
refused "Operation not permitted" as 1002 1002 rm -f "$files/sticky/theirs"
refused "Operation not permitted" as 1002 1002 mv "$files/sticky/theirs" "$files/sticky/mine"
must as 1001 1001 rm "$files/sticky/theirs"
must as 1004 1004,2000 mkdir "$files/team/sub"
same "2000 2755" "$(stat -c '%g %a' "$files/team/sub")"
refused "Permission denied" as 1004 1004 ls "$files/team"

# Xattrs: each kind, each errno.
file=$files/x && : >"$file"
must setfattr -n user.a -v 1 "$file" && must setfattr -n trusted.a -v 2 "$file"
must setfattr -n security.a -v 3 "$file"
same "security.a trusted.a user.a " "$(getfattr --absolute-names -m - "$file" | grep '^[a-z]' | sort | tr '\n' ' ')"
refused "Operation not permitted" as 1001 1001 setfattr -n trusted.a -v 2 "$file"
refused "Operation not supported" setfattr -n system.other -v 1 "$file"
refused "Operation not supported" setfattr -n nothing -v 1 "$file"
refused "No such attribute" getfattr -n user.none "$file"
refused "No such attribute" setfattr -x user.none "$file"
must python3 - "$file" <<'END'
import errno, os, sys
path = sys.argv[1]
def fails(code, call, *arguments):
    try:
        call(*arguments)
    except OSError as error:
        assert error.errno == code, (error, call)
    else:
        raise AssertionError((call, arguments[1:]))
os.setxattr(path, "user.big", b"v" * 65536)
assert os.getxattr(path, "user.big") == b"v" * 65536
fails(errno.E2BIG, os.setxattr, path, "user.big", b"v" * 65537)
fails(errno.EEXIST, os.setxattr, path, "user.big", b"", os.XATTR_CREATE)
fails(errno.ENODATA, os.setxattr, path, "user.none", b"", os.XATTR_REPLACE)
fails(errno.ERANGE, os.setxattr, path, "user." + "n" * 256, b"")
fails(errno.EOPNOTSUPP, os.getxattr, path, "system.other")
fails(errno.EACCES, os.setxattr, path, "system.posix_acl_default",
      b"\2\0\0\0" + b"".join(bytes([tag, 0, 7, 0]) + b"\xff" * 4 for tag in (1, 4, 32)))
count = 0
try:
    while True:
        os.setxattr(path, "user." + str(count).ljust(240, "n"), b"")
        count += 1
except OSError as error:
    assert error.errno == errno.ENOSPC, error
assert len(os.listxattr(path)) == count + 4, count
END
