#!/bin/bash
# A flipped bit in a pack: the bytes are not given out, the check that reads bytes names them, and the
# one that does not says that it did not.
. "${MENDFS_SOURCE:?}/tests/mount/lib.sh"
need jq python3
start
mkdir "$mnt/files/deep"
dd if=/dev/urandom of="$mnt/files/deep/random" bs=300000 count=1 iflag=fullblock status=none
unmount
must fsck.mendfs -n --data "$store" >/dev/null
python3 - "$store" <<'END'
import glob, sys
name = glob.glob(sys.argv[1] + "/objects/pack/*/*")[0]
with open(name, "r+b") as file:
    file.seek(100000)
    byte = file.read(1)[0]
    file.seek(100000)
    file.write(bytes([byte ^ 1]))
END

# checked CODE WORD ARGUMENT…: what the check answers and says
checked() {
  local wanted=$1 word=$2 said code=0
  shift 2
  said=$(fsck.mendfs -n "$@" "$store") || code=$?
  same "$wanted" "$code"
  holds "$said" "$word"
}
checked 0 "add --data"
same false "$("$mendfs" fsck --json "$store" | jq .data_read)"
checked 4 "damaged-bytes: inode " --data
same '"damaged" true 1' "$("$mendfs" fsck --data --json "$store" |
  jq -c '.verdict, .data_read, .finding_count' | tr '\n' ' ' | sed 's/ $//')"
checked 4 ", files/deep/random, bytes [" --data

# A reader gets EIO; from then on the store says that it is damaged, until it is mounted again.
for access in rw ro; do
  must "$mendfs" mount "$store" "$mnt" -o "$access"
  same ok "$(cat "$mnt/.mend/health")"
  refused "Input/output error" cat "$mnt/files/deep/random"
  same degraded "$(cat "$mnt/.mend/health")"
  holds "$(jq -r .reason "$mnt/.mend/status.json")" "fsck --data $store"
  holds "$("$mendfs" status "$mnt")" "1 block of files could not be read"
  object=$(basename "$(ls "$store"/objects/pack/*/*)")
  holds "$("$mendfs" status "$mnt" --json | jq -r .reason)" "$object"
  unmount
done
