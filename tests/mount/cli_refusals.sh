# Bad input at the command line: each a clear sentence, the right exit code, nothing half done.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
start

# exits CODE WORD COMMAND…
exits() {
  local want=$1 word=$2 said code=0
  shift 2
  said=$("$@" 2>&1 >/dev/null) || code=$?
  same "$want" "$code"
  holds "$said" "$word"
}

# ---- what is no store, or a newer one
mkdir plain
exits 1 "is not a store" "$mendfs" mount plain "$mnt"
exits 1 "is neither a store" "$mendfs" log plain
exits 2 "" "$mendfs" frobnicate
exits 2 "status" "$mendfs" statsu
exits 2 "" "$mendfs" load "$store"
must "$mendfs" mkfs newer >/dev/null
sed -i 's/"format_version": 1/"format_version": 7/' newer/mendfs.json
before=$(md5sum newer/mendfs.json)
mkdir mnt2
exits 1 "format 7" "$mendfs" mount newer mnt2
same "$before" "$(md5sum newer/mendfs.json)"

# ---- where a store cannot be made
exits 1 "holds a MendFS store already" "$mendfs" mkfs "$store"
touch plain/something
exits 1 "not empty" "$mendfs" mkfs plain
printf 'node { }\n' >bad.graph
exits 1 "line 1" "$mendfs" mkfs never --schema bad.graph
absent never

# ---- where it cannot be mounted
must "$mendfs" mkfs other >/dev/null
exits 1 "not empty" "$mendfs" mount other plain
exits 1 "nowhere" "$mendfs" mount other nowhere
exits 1 "" "$mendfs" mount other other
mkdir other/inside
exits 1 "" "$mendfs" mount other other/inside
rmdir other/inside
exits 2 "turbo" "$mendfs" mount other mnt2 -o turbo=9

# ---- a second writer hears who holds the store
holder=$(sed -n 's/^mounted .* pid \([0-9]*\)$/\1/p' <("$mendfs" status "$store"))
mkdir mnt3
exits 1 "pid $holder" "$mendfs" mount "$store" mnt3
holds "$(cat "$store/LOCK")" "pid $holder on $(uname -n)"

# ---- lines that a load refuses: the file and the line, and nothing changed
sleep 2.5 # until the mount has closed its commit
head_before=$("$mendfs" log "$mnt" -n 1)
printf '{"type":"Person","data":{"name":"dora"}}\n{"type":"Person","data":{"name":}}\n' >l.jsonl
exits 1 "l.jsonl:2" "$mendfs" load "$mnt" l.jsonl --mode append
printf '{"type":"Person","data":{"name":"d"}}\n{"type":"Person","data":{"name":"d"}}\n' >dup.jsonl
exits 1 "dup.jsonl:2" "$mendfs" load "$mnt" dup.jsonl --mode append
printf '{"type":"Person","data":{"name":"alice"}}\n' >there.jsonl
exits 1 "there.jsonl:1" "$mendfs" load "$mnt" there.jsonl --mode append
printf '{"edge":"Knows","from":"alice","to":"nobody"}\n' >end.jsonl
exits 1 "nobody" "$mendfs" load "$mnt" end.jsonl --mode append
exits 1 "missing.jsonl" "$mendfs" load "$mnt" missing.jsonl --mode append
python3 -c 'print("{\"type\":\"Person\",\"data\":{\"name\":\"big\",\"city\":\"" + "x" * (17 << 20) + "\"}}")' >big.jsonl
exits 1 "big.jsonl:1" "$mendfs" load "$mnt" big.jsonl --mode append
absent "$people/dora.json"
same "$head_before" "$("$mendfs" log "$mnt" -n 1)"
same "" "$(ls "$store/staging")"

# ---- rows that a mount refuses, and why
refused "Invalid argument" bash -c "echo '{\"age\":999}' >'$people/x.json'"
holds "$("$mendfs" why "$mnt")" "age"
refused "File name too long" touch "$mnt/files/$(printf 'n%.0s' {1..300})"

# ---- words that make no sense, told as the help tells them
exits 2 "STORE|MOUNT is required" "$mendfs" status
exits 2 "-n wants a number of commits" "$mendfs" log "$mnt" -n -1
exits 2 "there is no --mode upsert: append" "$mendfs" load "$mnt" there.jsonl --mode upsert

# ---- a load of nothing: no input is a slip, an empty one changes nothing
mkdir -p empty_inputs
exits 2 "" "$mendfs" load "$mnt" empty_inputs --mode append
unmount
head_before=$("$mendfs" log "$store" -n 1)
: >nothing.jsonl
printf '\n \n' >blank.jsonl
holds "$("$mendfs" load "$store" nothing.jsonl blank.jsonl --mode append)" "no rows"
holds "$("$mendfs" load "$store" - --mode append --json </dev/null)" '"commit":null'
same "$head_before" "$("$mendfs" log "$store" -n 1)"

# ---- of two mounts at once one loses, and hears by whom
mkdir -p race1 race2
for round in 1 2 3; do
  "$mendfs" mount "$store" race1 2>said1 &
  first=$!
  code2=0
  "$mendfs" mount "$store" race2 2>said2 || code2=$?
  code1=0
  wait "$first" || code1=$?
  same 1 "$((code1 + code2))"
  holds "$(cat said1 said2)" "pid $(sed -n 's/^pid \([0-9]*\) .*/\1/p' "$store/LOCK")"
  must "$mendfs" umount "$store"
done

# ---- a name is shown on its line, whatever it holds
must "$mendfs" mount "$store" "$mnt"
odd=$'x\ny\e[31m.json'
refused "Invalid argument" bash -c "echo '{\"age\":999}' >\"\$0\"" "$people/$odd"
for text in "$(cat "$mnt/.mend/last_error")" "$("$mendfs" why "$mnt")"; do
  if [[ $text == *$'\e'* ]]; then fail "a control byte is shown raw"; fi
  if grep -q '^y' <<<"$text"; then fail "a name begins a line"; fi
done
