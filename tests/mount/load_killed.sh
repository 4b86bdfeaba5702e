# A load whose daemon dies after everything is confirmed: the mount is dead, doctor and status say that
# a write waits, a read-only mount shows what there was, the next mount has the whole load. One that
# fails there is finished by the next write to a table. What is damaged is kept and named.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
start
for i in $(seq 200); do printf '{"type":"Person","data":{"name":"load%d"}}\n' "$i"; done >rows.jsonl
before=$(ls "$people" | wc -l)
unmount

must env MENDFS_FAILPOINTS=intent.after_confirm=crash "$mendfs" mount "$store" "$mnt"
code=0
"$mendfs" load "$mnt" rows.jsonl --mode append >/dev/null 2>said || code=$?
same 5 "$code"
same 1 "$(ls "$store/sidecars" | wc -l)"
# The kernel may still be clearing the dead daemon away, and its lock with it.
said_to_wait() { [[ $("$mendfs" doctor "$mnt" 2>&1 || true) == *"1 multi-step write waits"* ]]; }
soon said_to_wait
umount -l "$mnt"
holds "$("$mendfs" doctor "$store" 2>&1 || true)" "the next mount for writing"
holds "$("$mendfs" status "$store")" "1 waiting to be resolved"
holds "$("$mendfs" fsck -n "$store")" "1 write waits"
cp "$store"/sidecars/*.json kept

must "$mendfs" mount "$store" "$mnt" -o ro
same "$before" "$(ls "$people" | wc -l)"
same degraded "$(cat "$mnt/.mend/health")"
must cmp kept "$mnt"/.mend/sidecars/*.json
unmount
must cmp kept "$store"/sidecars/*.json

# Damaged: kept, and the store is mounted read-only.
sidecar=$(ls "$store"/sidecars/*.json)
printf 'damaged' >"$sidecar"
must "$mendfs" mount "$store" "$mnt" 2>said
holds "$(cat said)" "READ-ONLY"
holds "$(cat said)" "$sidecar"
same readonly "$(cat "$mnt/.mend/health")"
unmount
same damaged "$(cat "$sidecar")"
holds "$("$mendfs" doctor "$store" 2>&1 || true)" "keeps it from being mounted"
holds "$("$mendfs" fsck -n "$store" || true)" "sidecar: $sidecar"
must "$mendfs" mount "$store" "$mnt" -o ro
unmount
cp kept "$sidecar"

echo mine >"$store/sidecars/notes"
must "$mendfs" mount "$store" "$mnt"
same "$((before + 200))" "$(ls "$people" | wc -l)"
same "notes " "$(names "$store/sidecars")"
same "" "$(names "$mnt/.mend/sidecars")"
holds "$(cat "$mnt/.mend/audit.jsonl")" '"outcome":"rolled-forward"'
holds "$(head -n 1 "$mnt/.mend/log.jsonl")" "load 200 nodes"
same ok "$(cat "$mnt/.mend/health")"
unmount

# A failure that the daemon survives.
sed 's/load/more/' rows.jsonl >more.jsonl
must env MENDFS_FAILPOINTS=intent.after_confirm=error "$mendfs" mount "$store" "$mnt"
code=0
"$mendfs" load "$mnt" more.jsonl --mode append >/dev/null 2>said || code=$?
same 5 "$code"
holds "$(cat said)" "the next write to a table finishes it"
same degraded "$(cat "$mnt/.mend/health")"
absent "$people/more1.json"
echo '{}' >"$people/healer.json"
must test -e "$people/more1.json"
same ok "$(cat "$mnt/.mend/health")"
same "$((before + 401))" "$(ls "$people" | wc -l)"
unmount
holds "$("$mendfs" fsck -n "$store")" "$store/sidecars/notes is none of the store's"
same mine "$(cat "$store/sidecars/notes")"
