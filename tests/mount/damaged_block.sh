#!/bin/bash
# One block of one of LevelDB's tables is damaged, and no open reads it: who does gets EIO, from then on
# the store says which file it is and what to do, and writing goes on or ends, as errors= says.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need python3
start
unmount
# Text that does not compress, so that there are many blocks.
python3 - >rows.jsonl <<'END'
import hashlib
for i in range(600):
    city = "".join(hashlib.md5(f"{k} {i}".encode()).hexdigest() for k in range(8))
    print('{"type":"Person","data":{"name":"q%d","city":"%s"}}' % (i, city))
END
must "$mendfs" load "$store" rows.jsonl --mode append >/dev/null
must "$mendfs" mount "$store" "$mnt" # the log goes into a table
unmount
marker=$(python3 -c 'import hashlib; print(hashlib.md5(b"1 300").hexdigest())')
table=$(grep -la "$marker" "$store"/manifest/*.ldb | head -n 1)
[[ -n $table ]] || fail "no table holds the row"
python3 - "$table" "$(grep -abo "$marker" "$table" | head -n 1 | cut -d: -f1)" <<'END'
import sys
with open(sys.argv[1], "r+b") as file:
    file.seek(int(sys.argv[2]))
    byte = file.read(1)[0]
    file.seek(int(sys.argv[2]))
    file.write(bytes([byte ^ 4]))
END
for errors in continue remount-ro; do
  must "$mendfs" mount "$store" "$mnt" -o "errors=$errors" 2>said
  same "" "$(cat said)"
  same ok "$(cat "$mnt/.mend/health")"
  refused "Input/output error" cat "$people/q300.json"
  said=$("$mendfs" status "$mnt" --json)
  holds "$said" "${table##*/}"
  holds "$said" "mendfs fsck $store"
  holds "$("$mendfs" doctor "$mnt" || true)" "the manifest is damaged: $table"
  holds "$("$mendfs" why "$mnt")" "${table##*/}"
  if [[ $errors == continue ]]; then
    same degraded "$(cat "$mnt/.mend/health")"
    must touch "$mnt/files/goes_on"
  else
    same readonly "$(cat "$mnt/.mend/health")"
    refused "Read-only file system" touch "$mnt/files/stays_out"
    refused "Read-only file system" rm "$mnt/files/goes_on"
    same '{"age":30}' "$(tr -d ' ' <"$people/alice.json" | sed 's/"name":"alice",//')"
  fi
  "$mendfs" umount "$mnt"
done
refused "want errors=continue" "$mendfs" mount "$store" "$mnt" -o errors=panic
