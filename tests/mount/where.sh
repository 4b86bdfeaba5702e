#!/bin/bash
# .mend/where: rows by what they hold, with ordinary tools.
. "${MENDFS_SOURCE:?}/tests/mount/lib.sh"
need jq python3
cat >schema <<'END2'
node Person { name: String @key, age: I32?, city: String? @index }
edge Knows: Person -> Person { weight: I32? }
END2
must "$mendfs" mkfs "$store" --schema schema >/dev/null
mkdir "$mnt"
trap 'unmount || umount -l "$mnt"' EXIT
must "$mendfs" mount "$store" "$mnt"
people=$mnt/nodes/Person
python3 - >people.jsonl <<'END2'
for i in range(3000):
    print('{"name":"p%04d","age":%d,"city":"%s"}' % (i, i % 90, ("Paris", "Rome", "Oslo, N")[i % 3]))
END2
must "$mendfs" load "$mnt" people.jsonl --mode append --type Person >/dev/null
where=$mnt/.mend/where/Person

same 1000 "$(cat "$where/city=Paris/count")"
same 1000 "$(cat "$where/city=Oslo%2C N/count")"
same 2000 "$(cat "$where/city.in=Paris|Rome/count")"
same 1002 "$(ls "$where/city=Rome" | wc -l)"
same 1000 "$(jq -r .city "$where/city=Rome/rows.jsonl" | grep -cx Rome)"
same "$(jq -cs 'map(select(.city == "Rome" and .age >= 80)) | length' people.jsonl)" \
     "$(cat "$where/city=Rome,age.ge=80/count")"
same "$(cat "$where/city=Rome,age.ge=80/count")" "$(cat "$where/city=Rome/age.ge=80/count")"
same '{"name":"p0089","age":89,"city":"Oslo, N"}' "$(head -n 1 "$where/@order=-age/rows.jsonl")"
same 3 "$(ls "$where/city=Paris/@limit=1" | wc -l)"

# A link leads to the row; what is changed through it is the row.
must sed -i 's/Rome/Paris/' "$(readlink -f "$where/city=Rome/p0001.json")"
same 1001 "$(cat "$where/city=Paris/count")"
holds "$(cat "$where/city=Paris/p0001.json")" Paris
absent "$where/city=Rome/p0001.json"
same "" "$(find "$where/city=Paris" -xtype l)"

# All of a large answer, whatever size the reads have.
cat "$where/age.ge=0/rows.jsonl" >whole
same 3000 "$(wc -l <whole)"
must cmp whole <(dd if="$where/age.ge=0/rows.jsonl" bs=777 status=none)
same "$(tail -c 100 whole)" "$(tail -c 100 "$where/age.ge=0/rows.jsonl")"

# What cannot be shown whole fails, and ends: no tool asks for ever.
python3 - >large.jsonl <<'END2'
for i in range(60000):
    print('{"name":"q%06d","age":7,"city":"%s"}' % (i, "z" * 1200))
END2
must "$mendfs" load "$mnt" large.jsonl --mode append --type Person >/dev/null
refused "File too large" timeout 120 ls "$where/@order=city"
same 10 "$(ls "$where/@order=city,@limit=8" | wc -l)"

# Edges, by their ends and by what they hold.
python3 - >knows.jsonl <<'END2'
for i in range(2000):
    print('{"edge":"Knows","from":"p%04d","to":"p%04d","data":{"weight":%d}}' % (i, i % 7, i % 10))
END2
must "$mendfs" load "$mnt" knows.jsonl --mode append >/dev/null
knows=$mnt/.mend/where/Knows
same 286 "$(cat "$knows/\$to=p0003/count")"
same 200 "$(cat "$knows/weight=3/count")"
same "$(jq -cs 'map(select(.to == "p0003" and .data.weight >= 5)) | length' knows.jsonl)" \
     "$(cat "$knows/\$to=p0003/weight.ge=5/count")"
same "p0010~p0003.json" "$(ls "$knows/\$from=p0010" | grep json$)"
same '{"weight":0}' "$(cat "$knows/\$from=p0010/p0010~p0003.json")"
must rm "$(readlink -f "$knows/\$from=p0010/p0010~p0003.json")"
same 0 "$(cat "$knows/\$from=p0010/count")"
same 9 "$(jq -r .weight "$knows/@order=-weight,@limit=1/rows.jsonl")"
same "" "$(find "$knows/weight=4" -xtype l)"

refused "is no value of it" bash -c "cat '$where/age=old/count' 2>/dev/null || { '$mendfs' why '$mnt' >&2; exit 1; }"
refused "No such file" cat "$where/town=Paris/count"
refused "Operation not permitted" bash -c "echo x >'$where/city=Paris/count'"
unmount
must "$mendfs" fsck -n "$store" >/dev/null
