#!/bin/bash
# .mend/tables: whole tables as text, read and appended to with ordinary tools.
. "${MENDFS_SOURCE:?}/tests/mount/lib.sh"
need jq python3
start
python3 - >more.jsonl <<'END2'
for i in range(20000):
    print('{"name":"p%05d","age":%d,"city":"a, \\"b\\" %d"}' % (i, i % 90, i % 7))
END2
must "$mendfs" load "$mnt" more.jsonl --mode append --type Person >/dev/null
tables=$mnt/.mend/tables
commits() { "$mendfs" log "$mnt" -n 1000 | grep -c 'append to tables' || true; }

same "City.csv City.jsonl Knows.csv Knows.jsonl LivesIn.csv LivesIn.jsonl Person.csv Person.jsonl " "$(names "$tables")"

# What tools read is what `mendfs export` writes, and what stat says is how long it is.
for type in Person City Knows LivesIn; do
  "$mendfs" export "$mnt" --type $type >$type.jsonl
  "$mendfs" export "$mnt" --type $type --format csv >$type.csv
  for file in $type.jsonl $type.csv; do
    must cmp $file "$tables/$file"
    must cmp $file <(cat "$tables/$file")
    must cmp $file <(dd if="$tables/$file" bs=777 status=none)
    must cp "$tables/$file" copied
    must cmp $file copied
    same "$(stat -c %s $file)" "$(stat -c %s "$tables/$file")"
    same "$(wc -l <$file)" "$(wc -l <"$tables/$file")"
    same "$(wc -c <$file)" "$(wc -c <"$tables/$file")"
    same "$(wc -c <$file)" "$(wc -c "$tables/$file" | cut -d' ' -f1)"
    same "$(head -n 3 $file)" "$(head -n 3 "$tables/$file")"
    same "$(tail -n 3 $file)" "$(tail -n 3 "$tables/$file")"
    same "$(tail -c 99 $file)" "$(tail -c 99 "$tables/$file")"
    same "$(sort $file | md5sum)" "$(sort "$tables/$file" | md5sum)"
  done
done
same 20003 "$(jq -r .data.age "$tables/Person.jsonl" | wc -l)"
must tar cf tables.tar -C "$mnt/.mend" tables
mkdir out && must tar xf tables.tar -C out
must cmp Person.csv out/tables/Person.csv
if command -v rsync >/dev/null; then
  must rsync -a "$tables/" synced/
  must cmp Person.jsonl synced/Person.jsonl
  must cmp Knows.csv synced/Knows.csv
fi
if command -v sqlite3 >/dev/null; then
  same 20003 "$(sqlite3 :memory: -cmd ".import --csv '$tables/Person.csv' p" 'select count(*) from p')"
fi
# Backwards and to the end.
must python3 - "$tables/Person.csv" Person.csv <<'END2'
import os, random, sys
table, copy = open(sys.argv[1], 'rb', 0), open(sys.argv[2], 'rb').read()
assert table.seek(0, 2) == len(copy)
for _ in range(60):
    at, size = random.randrange(len(copy) + 10), random.randrange(1, 100000)
    table.seek(at)
    assert table.read(size) == copy[at:at + size], (at, size)
table.seek(-50, 2)
assert table.read() == copy[-50:]
END2

# A text that is open does not change.
exec 5<"$tables/Person.jsonl"
head -c 10 <&5 >/dev/null
rm "$people/bob.json"
printf '{"name":"bob","age":41}\n' >"$people/bob.json"
printf '{}\n' >"$people/zoe.json"
exec 6<"$tables/Person.jsonl"
same 20003 "$(cat <&5 | wc -l)"
same 20004 "$(cat <&6 | wc -l)"
exec 5<&- 6<&-
rm "$people/zoe.json"

# >> upserts, one commit each.
same 0 "$(commits)"
echo '{"name":"alice","age":31}' >>"$tables/Person.jsonl"
same '{"name":"alice","age":31}' "$(cat "$people/alice.json")"
test -e "$knows/alice~bob.json" || fail "an edge was lost"
same 1 "$(commits)"
printf 'name,age,city\r\ndora,1,"x\r\ny"\r\neve,,\r\n' | tee -a "$tables/Person.csv" >/dev/null
same 2 "$(commits)"
same '"x\r\ny"' "$(jq .city "$people/dora.json")"
{ echo '{"name":"f1"}'; bash -c 'echo "{\"name\":\"f2\"}"'; cat <<<'{"name":"f3"}'; } >>"$tables/Person.jsonl"
same 3 "$(commits)"
test -e "$people/f3.json" || fail "a row was lost"
for i in 1 2 3 4 5; do
  (for j in $(seq 200); do echo "{\"name\":\"c$i-$j\"}"; done) >>"$tables/Person.jsonl" &
done
wait
same 8 "$(commits)"
same 1000 "$(grep -c '"c[1-5]-' "$tables/Person.jsonl")"
must python3 - "$tables/Knows.csv" <<'END2'
import csv, os, sys
with open(sys.argv[1], 'a', newline='') as table:
    out = csv.writer(table)
    out.writerow(['$from', '$to', 'since'])
    for i in range(1, 200):
        out.writerow(['c1-%d' % i, 'c2-%d' % i, '2020-01-01'])
    table.flush()
    os.fsync(table.fileno())
    assert os.path.exists(os.path.join(os.path.dirname(sys.argv[1]), '../../edges/Knows/c1-7~c2-7.json'))
END2
same 199 "$(grep -c c1- "$tables/Knows.csv")"

# What is refused changes nothing, fails where the tool looks, and says why.
before=$(md5sum <"$tables/Person.csv")
refused "Invalid argument" bash -c "echo '{\"name\":\"g\",\"age\":-1}' >>'$tables/Person.jsonl'"
refused "Invalid argument" bash -c "echo '{\"edge\":\"Knows\",\"from\":\"alice\",\"to\":\"nobody\"}' >>'$tables/Knows.jsonl'"
holds "$("$mendfs" why "$mnt")" 'nobody'
(seq -f '{"name":"h%g"}' 30000; echo '{"name":"h7"}'; echo '{"nme":"h"}') >large
if cat large >>"$tables/Person.jsonl" 2>said; then fail "should be refused"; fi
holds "$(cat said)" "Invalid argument"
holds "$("$mendfs" why "$mnt")" 'line 30002'
holds "$(cat "$mnt"/.mend/rejected/Person/Person.jsonl.*.why)" 'line 30001'
printf '{"name":"i1"}\n{"name":"i' >>"$tables/Person.jsonl"
absent "$people/i1.json"
soon grep -q 'line 2' "$mnt/.mend/last_error"
printf 'name,age\ni1,12' >>"$tables/Person.csv"
soon grep -q 'no line end' "$mnt/.mend/last_error"
refused "Operation not permitted" cp Person.csv "$tables/Person.csv"
refused "Operation not permitted" bash -c "echo >'$tables/Person.jsonl'"
holds "$("$mendfs" why "$mnt")" '--mode replace'
refused "Operation not permitted" sed -i s/a/b/ "$tables/Person.jsonl"
refused "Operation not permitted" truncate -s 0 "$tables/Person.jsonl"
refused "Operation not permitted" rm "$tables/Person.jsonl"
same "$before" "$(md5sum <"$tables/Person.csv")"

# Killed in the middle of an append: nothing of it.
exec 7>>"$tables/Person.jsonl"
seq -f '{"name":"j%g"}' 50000 >&7
daemon=$(sed -n "s/^pid \([0-9]*\) .*/\1/p" "$store/LOCK")
kill -9 "$daemon"
{ exec 7>&-; } 2>/dev/null || true
umount -l "$mnt"
must "$mendfs" mount "$store" "$mnt"
same "$before" "$(md5sum <"$tables/Person.csv")"
same "" "$(ls "$store/staging" | grep load- || true)"

# A long one, whose size nobody counts for an open.
seq -f '{"name":"a rather long name, so that there is some text %06g","age":7}' 60000 >>"$tables/Person.jsonl"
"$mendfs" export "$mnt" --type Person --format csv >Person.csv
"$mendfs" export "$mnt" --type Person >Person.jsonl
same 0 "$(stat -c %s "$tables/Person.csv")"
must cmp Person.csv <(cat "$tables/Person.csv")
same "$(wc -c <Person.csv)" "$(wc -c <"$tables/Person.csv")"
same "$(tail -c 99 Person.csv)" "$(tail -c 99 "$tables/Person.csv")"
same "$(tail -n 2 Person.csv)" "$(tail -n 2 "$tables/Person.csv")"
refused "file changed as we read it" tar cf tables.tar -C "$mnt/.mend" tables
must cp "$tables/Person.csv" copied
must cmp Person.csv copied
touch "$mnt/files/x" # nothing is known any more
must sleep 2
if command -v rsync >/dev/null; then
  must rsync -a "$tables/" synced/
  must cmp Person.csv synced/Person.csv
  must cmp Person.jsonl synced/Person.jsonl
fi
must python3 -c "
import sys
table = open(sys.argv[1], 'rb', 0)
assert table.seek(0, 2) == len(open(sys.argv[2], 'rb').read())" "$tables/Person.csv" Person.csv

# Into another store by way of text: the same export.
must "$mendfs" mkfs other --schema schema >/dev/null
cat "$tables/Person.jsonl" "$tables/City.jsonl" "$tables/Knows.jsonl" "$tables/LivesIn.jsonl" |
  must "$mendfs" load other - --mode append >/dev/null
must cmp <("$mendfs" export "$mnt") <("$mendfs" export other)
