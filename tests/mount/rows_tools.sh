#!/bin/bash
# Rows under tools that replace, overwrite or extend files: cp, mv, install, dd, tee, sponge, rsync, tar,
# patch, git, the shell; each in the ways that its options know.
#
# Usage:  rows_tools.sh [WAY]: only ways whose whole name matches, e.g. 'rsync.*'
. "${MENDFS_SOURCE:?}/tests/mount/lib.sh"
. "${MENDFS_SOURCE:?}/tests/mount/lib_edits.sh"
need sed python3 jq
only=${1:-}
start

Patch() { (diff -u "$row" "$want" || true) | patch -s "$@" "$row"; }
GitApply() {
  (cd "$dir" && (diff -u --label "a/$name" --label "b/$name" "$name" "$want" || true) | git apply -)
}
# The older state is the wanted one.
GitCheckout() {
  rm -rf git tree
  mkdir tree
  git init -q --bare git
  local git=(git --git-dir="$PWD/git" -c user.name=n -c user.email=e@e -c core.bare=false)
  cp "$want" "tree/$name"
  "${git[@]}" --work-tree="$PWD/tree" add "$name"
  "${git[@]}" --work-tree="$PWD/tree" commit -qm wanted
  "${git[@]}" --work-tree="$dir" add "$name"
  "${git[@]}" --work-tree="$dir" commit -qm now
  (cd "$dir" && "${git[@]}" --work-tree="$dir" checkout -q HEAD~1 -- "$name")
}

TryWays <<'END'
cp           cp     cp "$want" "$row"
cp-a         cp     cp -a "$want" "$row"
cp-remove    cp     cp --remove-destination "$want" "$row"
cp-force     cp     cp -f "$want" "$row"
cp-backup    cp     cp --backup=simple "$want" "$row"
mv-disk      mv     cp "$want" moved; mv moved "$row" || (rm moved && false)
mv-scratch   mv     cp "$want" "$dir/.moved"; mv "$dir/.moved" "$row"
mv-backup    mv     cp "$want" moved; mv --backup=numbered moved "$row"
install      install install -m 644 "$want" "$row"
install-C    install install -C -m 644 "$want" "$row"
install-b    install install -b -m 644 "$want" "$row"
shell        cat    cat "$want" >"$row"
shell-1<>    cat    cat "$want" 1<>"$row"
printf       cat    printf '%s\n' "$(cat "$want")" >"$row"
tee          tee    tee "$row" <"$want" >/dev/null
dd           dd     dd if="$want" of="$row" status=none
dd-notrunc   dd     dd if="$want" of="$row" conv=notrunc bs=1 status=none
dd-fsync     dd     dd if="$want" of="$row" conv=fsync status=none
sponge       sponge sed "s/$old/$new/" "$row" | sponge "$row"
sort-o       sort   sort -o "$row" "$want"
rsync        rsync  rsync -a --no-owner --no-group --ignore-times "$want" "$row"
rsync-inplace rsync rsync -a --no-owner --no-group --inplace --ignore-times "$want" "$row"
rsync-sum    rsync  rsync --ignore-times --checksum "$want" "$row"
rsync-delta  rsync  rsync --no-whole-file --checksum "$want" "$row"
rsync-backup rsync  rsync -a --no-owner --no-group --backup --ignore-times "$want" "$row"
rsync-temp   rsync  rsync -a --no-owner --no-group --ignore-times --temp-dir="$PWD" "$want" "$row"
tar          tar    tar -C "${want%/*}" -c "${want##*/}" | tar -x -C "$dir"
tar-over     tar    tar -C "${want%/*}" -c "${want##*/}" | tar -x --overwrite -C "$dir"
tar-unlink   tar    tar -C "${want%/*}" -c "${want##*/}" | tar -x --unlink-first -C "$dir"
patch        patch  Patch
patch-backup patch  Patch --backup
git-apply    git    GitApply
git-checkout git    GitCheckout
END
[[ -z $only ]] || exit 0

# What only lengthens, shortens or overwrites a part.
bob=$people/bob.json
number=$(stat -c %i "$bob")
printf '{"name":"bob","age":40}\n' >was
must cp was "$bob"
echo >>"$bob"
same "$(printf '{"name":"bob","age":40}\n\n|')" "$(cat "$bob" && echo '|')"
must truncate -s -1 "$bob"
must cmp was "$bob"
refused "Invalid argument" truncate -s 5 "$bob"
refused "Invalid argument" truncate -s 0 "$bob"
refused "Invalid argument" truncate -s +1 "$bob" # a NUL at the end
refused "File too large" truncate -s 17M "$bob"
must cmp was "$bob"
printf 1 | must dd of="$bob" bs=1 seek=21 conv=notrunc status=none
same 41 "$(jq .age "$bob")"
printf x >x
refused "Invalid argument" dd if=x of="$bob" bs=1 seek=21 conv=notrunc status=none
refused "Invalid argument" dd if=x of="$bob" bs=1 seek=4096 conv=notrunc status=none
same 41 "$(jq .age "$bob")"
must cp was "$bob"
edge=$knows/alice~bob.json
must truncate -s 0 "$edge" # an edge without properties
same "" "$(cat "$edge")"
refused "Invalid argument" truncate -s 1 "$edge"
must cp --sparse=always --reflink=auto was "$bob"
must cmp was "$bob"

# What fails to make a body leaves an empty one, which is none: `why` tells.
if command -v sponge >/dev/null; then
  jq .nothing.at.all <<<'[]' 2>/dev/null | sponge "$bob" || true
  holds "$(head -n 4 "$mnt/.mend/last_error")" "nothing was written"
fi
must cmp was "$bob"
must rm "$bob"
refused "Invalid argument" bash -c "echo '{\"age\":151}' >'$bob'"
soon cmp was "$bob" # what was refused made nobody's place free
same "$number" "$(stat -c %i "$bob")"

# Locks and maps.
must flock "$bob" cat "$bob" >/dev/null
must python3 - "$bob" <<'END'
import fcntl, mmap, os, sys
with open(sys.argv[1], "r+b") as file:
    fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    assert mmap.mmap(file.fileno(), 0, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ)[:].startswith(b"{")
    try:
        mmap.mmap(file.fileno(), 0, flags=mmap.MAP_SHARED)
        raise SystemExit("a row was mapped to be written through the map")
    except OSError:
        pass
END

# Edges as symlinks.
out=$mnt/graph/Person/carol/out/Knows
must ln -s ../../../alice "$out/alice"
same "" "$(cat "$knows/carol~alice.json")"
refused "File exists" ln -sn ../../../alice "$out/alice"
refused "Invalid argument" ln -sfn ../../../alice "$out/alice" # by way of a link with a made-up name
refused "Invalid argument" ln -s ../../../nobody "$out/nobody"
same "alice " "$(names "$out")"
must rm "$out/alice"
absent "$knows/carol~alice.json"
