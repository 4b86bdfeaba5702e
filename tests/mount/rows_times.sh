#!/bin/bash
# Sizes and times of rows are real: after every way to change one, at once and after a remount.
. "${MENDFS_SOURCE:?}/tests/mount/lib.sh"
need sed python3
start
bob=$people/bob.json

# A moment that is later than any time before it.
tick() {
  sleep 0.02
  date +%s%N
}
mtime() { python3 -c 'import os, sys; print(os.stat(sys.argv[1]).st_mtime_ns)' "$1"; }
# sized: what stat says is what cat gives, and what a handle on it finds.
sized() {
  same "$(wc -c < <(cat "$bob"))" "$(stat -c %s "$bob")"
  same "$(stat -c %s "$bob")" "$(python3 -c 'import sys; print(open(sys.argv[1]).seek(0, 2))' "$bob")"
}
# now_after MOMENT: the row was changed behind it, and not in the future.
now_after() {
  local seen
  seen=$(mtime "$bob")
  [[ $seen -ge $1 && $seen -le $(tick) ]] || fail "mtime $seen is not behind $1"
  sized
}

moment=$(tick) && echo '{"age":41}' >"$bob" && now_after "$moment"
moment=$(tick) && echo '{"age":5}' >"$bob" && now_after "$moment"
moment=$(tick) && printf '\n\n' >>"$bob" && now_after "$moment"

printf '{ "age" : 42 }\n' >source.json
touch -d '2001-02-03 04:05:06.123456789Z' source.json
must cp -p source.json "$bob"
same "$(mtime source.json)" "$(mtime "$bob")"
sized
must cp -p source.json "$people/dave.json"
same "$(mtime source.json)" "$(mtime "$people/dave.json")"

must touch -d '1999-12-31 23:59:59.987654321Z' "$bob"
same 946684799987654321 "$(mtime "$bob")"
sized
moment=$(tick) && must touch "$bob" && now_after "$moment"
# A change after a time was set has a time of its own.
must touch -d 2001-02-03 "$bob"
moment=$(tick) && echo '{"age":43}' >"$bob" && now_after "$moment"

moment=$(tick) && must sed -i 's/43/4/' "$bob" && now_after "$moment"
same '{"age":4}' "$(cat "$bob")"
if command -v vim >/dev/null; then
  for options in 'set backupcopy=yes' 'set backupcopy=no backup'; do
    moment=$(tick)
    must vim -u NONE -i NONE -es -c "$options" -c '%s/[0-9]*}/44}/' -c 'wq' "$bob" </dev/null
    rm -f "$bob~"
    now_after "$moment"
  done
fi

# Edges, with and without a body.
must touch -d '2001-02-03 04:05:06.5Z' "$knows/carol~alice.json"
same "981173106500000000 0" "$(mtime "$knows/carol~alice.json") $(stat -c %s "$knows/carol~alice.json")"
must cp -p source.json "$people/erin.json"

before=$(stat -c '%n %s %.9Y %a' "$people"/*.json "$knows"/*.json)
remount
same "$before" "$(stat -c '%n %s %.9Y %a' "$people"/*.json "$knows"/*.json)"
sized
