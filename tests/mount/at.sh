#!/bin/bash
# .mend/at: the whole mount as it was, with ordinary tools.
. "${MENDFS_SOURCE:?}/tests/mount/lib.sh"
need diff rsync
start
at=$mnt/.mend/at
mkdir -p "$mnt/files/docs/deep"
echo "first" >"$mnt/files/docs/deep/note"
head -c 3000000 /dev/urandom >"$mnt/files/big"
setfattr -n user.colour -v red "$mnt/files/big" 2>/dev/null || true
ln "$mnt/files/big" "$mnt/files/hard"
soon test -e "$at/HEAD/files/hard"
old=$(readlink "$at/HEAD")
mkdir kept
must cp -a "$mnt/files" kept/
must cp -rL "$mnt/nodes" kept/

# Everything changes.
echo "second" >"$mnt/files/docs/deep/note"
printf 'x' | dd of="$mnt/files/big" bs=1 seek=1500000 conv=notrunc status=none
rm -r "$mnt/files/docs/deep" "$mnt/files/hard"
rm "$people/bob.json"
printf '{"name":"dora"}\n' >"$people/dora.json"
soon test -e "$at/HEAD/nodes/Person/dora.json"

# The past does not: as copied then, with names, bytes, times and links.
must diff -r kept/files "$at/$old/files"
must diff -r kept/nodes "$at/$old/nodes"
same "" "$(rsync -aHXn --checksum --itemize-changes "$at/$old/files/" kept/files/)"
same "" "$(rsync -aHXn --checksum --itemize-changes kept/files/ "$at/$old/files/")"
same 2 "$(stat -c %h "$at/$old/files/big")"
same "alice bob carol " "$(names "$at/$old/graph/Person")"
same "alice~bob.json bob~carol.json " "$(names "$at/$old/edges/Knows")"
same "$(cat kept/nodes/Person/bob.json)" "$(cat "$at/$old/graph/Person/alice/out/Knows/bob/row.json")"
must cmp "$mnt/schema.graph" "$at/$old/schema.graph"

# What was lost comes back with cp.
must cp "$at/${old:0:10}/files/docs/deep/note" "$mnt/files/note"
same first "$(cat "$mnt/files/note")"
must cp "$at/$old/nodes/Person/bob.json" "$people/bob.json"

refused "Read-only file system" bash -c "echo x >'$at/$old/files/new'"
refused "Read-only file system" rm "$at/$old/files/big"
refused "Read-only file system" chmod 600 "$at/$old/files/big"
refused "No such file" ls "$at/nothing"
same "$old" "$(ls "$at" | grep -x "$old")"
same "" "$(find "$mnt" -path '*/at/*')"
unmount
must "$mendfs" fsck -n "$store" >/dev/null

must "$mendfs" mount "$store" "$mnt" -o ro
must diff -r kept/nodes "$at/$old/nodes"
unmount
