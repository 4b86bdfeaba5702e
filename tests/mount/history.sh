#!/bin/bash
# History goes as it ages while the store is mounted, and an idle mount comes to rest.
. "${MENDFS_SOURCE:?}/tests/mount/lib.sh"
need jq
start
unmount
cat >>"$store/config.toml" <<'END'
history_all = "1s"
history_per_minute = "0"
history_per_hour = "0"
history_per_day = "0"
END
must "$mendfs" mount "$store" "$mnt" -o commit=50ms
for i in $(seq 40); do
  echo "$i" >"$mnt/files/counter"
  sleep 0.06
done
before=$("$mendfs" log "$mnt" | wc -l)
[[ $before -gt 10 ]] || fail "only $before commits were closed"
thinned() { [[ $("$mendfs" log "$mnt" | wc -l) -eq 1 ]]; }
soon thinned
same 1 "$(wc -l <"$mnt/.mend/log.jsonl")"
same 40 "$(cat "$mnt/files/counter")"
status=$("$mendfs" status "$mnt" --json)
same 1 "$(jq .history.commits <<<"$status")"
[[ $(jq .history.dropped <<<"$status") -ge 10 ]] || fail "dropped is not told"
holds "$("$mendfs" status "$mnt")" "1 commit kept"
# At rest: nothing more is written.
must "$mendfs" flush "$mnt" >/dev/null
last=$(jq .seq.last <<<"$("$mendfs" status "$mnt" --json)")
sleep 11
same "$last" "$(jq .seq.last <<<"$("$mendfs" status "$mnt" --json)")"
unmount
same 1 "$("$mendfs" log "$store" | wc -l)"
must "$mendfs" fsck "$store" >/dev/null

sed -i 's/^history_all.*/history_all = "soon"/' "$store/config.toml"
refused "gives no duration" "$mendfs" mount "$store" "$mnt"
