# The command line answers the same on a mounted store, through its mount point, and unmounted.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need jq
start
"$mendfs" flush "$mnt"
sleep 1.5 # the commit of the mount

verbs=("log STORE -n 1" "log STORE --json" "export STORE" "export STORE --type Person"
  "export STORE --type Knows" "schema show STORE")
for verb in "${verbs[@]}"; do
  read -ra words <<<"$verb"
  "$mendfs" "${words[@]/STORE/$store}" >by_store
  "$mendfs" "${words[@]/STORE/$mnt}" >by_mount
  must cmp by_store by_mount
  cp by_store "mounted.$(tr -c 'A-Za-z\n' _ <<<"$verb")"
done
status_mounted=$("$mendfs" status "$mnt" --json | jq -c '{uuid,head,counts}')
unmount
for verb in "${verbs[@]}"; do
  read -ra words <<<"$verb"
  "$mendfs" "${words[@]/STORE/$store}" >unmounted
  must cmp unmounted "mounted.$(tr -c 'A-Za-z\n' _ <<<"$verb")"
done
same "$status_mounted" "$("$mendfs" status "$store" --json | jq -c '{uuid,head,counts}')"

# What one writes, the other reads: unmounted load, mounted export, loaded again, the same bytes.
printf '{"edge":"Knows","from":"zoe","to":"alice"}\n{"type":"Person","data":{"name":"zoe"}}\n' |
  must "$mendfs" load "$store" - --mode append
"$mendfs" export "$store" >first
remount
same '{"name":"zoe"}' "$(cat "$people/zoe.json")"
must "$mendfs" export "$mnt" >second
must cmp first second
must "$mendfs" mkfs again --schema schema >/dev/null
must "$mendfs" load again first --mode append
"$mendfs" export again >third
must cmp first third
same "$(jq -r .edge first | grep -c Knows)" "$(names "$knows" | wc -w)"
