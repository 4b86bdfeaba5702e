#!/bin/bash
# Input that other programs write: what of it `load` takes, and what it refuses with which words. What is
# taken goes out and in again with the same bytes, as JSON lines and, where the type has columns, as CSV.
. "${MENDFS_SOURCE:?}/tests/mount/lib.sh"
need python3 gzip

cat >nasty.graph <<'END'
node Row {
  key: String @key
  s: String?, i: I64?, u: U64?, w: I32?, f: F64?, b: Bool?, d: Date?, t: DateTime?
  e: enum(red, green)?, l: [String]?, n: [I64]?
}
open node Any {}
edge Link: Row -> Row { w: I32? }
edge Own: Row -> Any
END

cat >nasty.py <<'END'
import gzip, json, os, subprocess, sys

mendfs = sys.argv[1]

def run(*words, data=None):
    done = subprocess.run([mendfs, *words], input=data, capture_output=True)
    return done.returncode, done.stdout, done.stderr.decode("utf-8", "replace")

def new(name):
    code, _, said = run("mkfs", name, "--schema", "nasty.graph")
    assert code == 0, said
    return name

def row(key, **data):
    return json.dumps({"type": "Row", "data": {"key": key, **data}}, ensure_ascii=False) + "\n"

def any_row(key, text):
    return '{"type":"Any","key":%s,"data":%s}\n' % (json.dumps(key), text)

def csv(text): return ("Row.csv", text)

BOM = "\ufeff"
MIB = 1 << 20
def sized(size):  # a whole body of that many bytes
    start, end = '{"key":"big","s":"', '"}'
    return start + "x" * (size - len(start) - len(end)) + end

# What is taken: (name, input, lines that come out).
taken = [
    ("nothing", "", 0),
    ("an empty line", "\n\n", 0),
    ("NUL in a key", row("a\x00b") + row("\x00"), 2),
    ("no newline at the end", row("a").rstrip("\n"), 1),
    ("CRLF", row("a").replace("\n", "\r\n") + row("b").replace("\n", "\r\n"), 2),
    ("blanks around", "  \t" + row("a").rstrip("\n") + " \t \n", 1),
    ("quotes", row("a", s='"\\ \'`') + row('"', s='""'), 2),
    ("control characters", row("a", s="\x00\x01\x1f\x7f\b\f\n\r\t"), 1),
    ("emoji and combining", row("\U0001f469\u200d\U0001f680", s="e\u0301\u00e9\u202e\ufeff\uffff\U0010ffff"), 1),
    ("escaped pairs", '{"type":"Row","data":{"key":"a","s":"\\ud83d\\ude00\\u0041\\/"}}\n', 1),
    ("64 bits", row("a", i=-(1 << 63), u=(1 << 64) - 1) + row("b", i=(1 << 63) - 1, u=0), 2),
    ("32 bits", row("a", w=-(1 << 31)) + row("b", w=(1 << 31) - 1), 2),
    ("floats", '{"type":"Row","data":{"key":"a","f":1.7976931348623157e308}}\n'
               '{"type":"Row","data":{"key":"b","f":5e-324}}\n{"type":"Row","data":{"key":"c","f":-0.0}}\n'
               '{"type":"Row","data":{"key":"d","f":0.1}}\n{"type":"Row","data":{"key":"e","f":1E+2}}\n', 5),
    ("null and empty", row("a", s=None, l=None) + row("b", s="", l=[]) + row("c", l=["", "a,b", "\n"]), 3),
    ("dates", row("a", d="0001-01-01", t="2026-11-20T23:59:59.999999999Z") + row("b", d="9999-12-31"), 2),
    ("edges before their ends", '{"edge":"Link","from":"b","to":"a"}\n' + row("a")
     + '{"edge":"Own","from":"a","to":"x"}\n' + any_row("x", "{}") + row("b")
     + '{"edge":"Link","from":"a","to":"a","data":{"w":1}}\n{"edge":"Link","from":"a","to":"a","n":2}\n', 7),
    ("keys that need escapes in names", "".join(row(key) for key in
     ["/", "a/b", "%", "%2F", "%h0", "~", "a~b", ".", "..", ".json", "a.json", " ", "\t", "-", "*", "CON"]), 16),
    ("keys of 4096 bytes", row("k" * 4096) + row("\u00e9" * 2048) + row("k" * 250) + row("k" * 251), 4),
    ("edges of long keys", row("k" * 4096) + row("m" * 300)
     + '{"edge":"Link","from":"%s","to":"%s","data":{"w":7}}\n' % ("k" * 4096, "m" * 300), 3),
    ("a row of 16 MiB", '{"type":"Row","data":' + sized(16 * MIB) + "}\n", 1),
    ("127 deep", any_row("a", '{"x":' + "[" * 126 + "]" * 126 + "}"), 1),
    ("names of one row in any order", '{"data":{"s":"x","key":"a"},"type":"Row"}\n', 1),
    ("many names", any_row("a", json.dumps({"n%d" % i: i for i in range(5000)})), 1),
    ("same name on two levels", any_row("a", '{"x":{"x":{"x":1}}}'), 1),
    ("a number of a thousand digits", any_row("a", '{"x":' + "9" * 1000 + "}"), 1),
    ("CSV: empty and null", csv('key,s\na,\nb,""\n'), 2),
    ("CSV: BOM, CRLF, no newline at the end", csv(BOM + 'key,s\r\na,"x\r\ny"\r\nb,z'), 2),
    ("CSV: quotes", csv('key,s,l\n"a,""b""","\n","[""x"",""y,z""]"\n'), 1),
    ("CSV: a header alone", csv("key,s\n"), 0),
    ("CSV: nothing at all", csv(""), 0),
    ("CSV: NUL", csv("key,s\na\x00,\x00\n"), 1),
    ("CSV: empty lines", csv("key\n\na\n\n\nb\n\n"), 2),
    ("CSV: extremes", csv("key,i,u,f,b,d\na,-9223372036854775808,18446744073709551615,1e-3,TRUE,2024-02-29\n"), 1),
    ("CSV: columns in any order", csv("s,key\nx,a\n"), 1),
]

# What is refused: (name, input, words of the sentence).
refused = [
    ("BOM", BOM + row("a"), "byte order mark"),
    ("UTF-16", row("a").encode("utf-16"), "UTF-16"),
    ("Latin-1", row("caf\u00e9").encode("latin-1"), "UTF-8"),
    ("gzip", gzip.compress(row("a").encode()), "gzip"),
    ("overlong UTF-8", b'{"type":"Row","data":{"key":"a\xc0\x80"}}\n', "UTF-8"),
    ("a surrogate as UTF-8", b'{"type":"Row","data":{"key":"a","s":"\xed\xa0\x80"}}\n', "UTF-8"),
    ("a lone surrogate", '{"type":"Row","data":{"key":"a","s":"\\ud800"}}\n', "surrogate"),
    ("a surrogate the wrong way round", '{"type":"Row","data":{"key":"a","s":"\\ude00\\ud83d"}}\n', "surrogate"),
    ("a raw control character", '{"type":"Row","data":{"key":"a","s":"\x01"}}\n', ":1:"),
    ("an empty key", row(""), "empty"),
    ("no key", '{"type":"Row","data":{}}\n', "key"),
    ("a key of 4097 bytes", row("k" * 4097), "4096"),
    ("a key twice", row("a") + row("b") + row("a"), ":3"),
    ("a key twice, once escaped", row("a") + '{"type":"Row","data":{"key":"\\u0061"}}\n', ":2"),
    ("a property twice", '{"type":"Row","data":{"key":"a","s":"x","s":"y"}}\n', "twice"),
    ("a property twice, once escaped", '{"type":"Row","data":{"key":"a","s":"x","\\u0073":"y"}}\n', "twice"),
    ("a member twice", '{"type":"Row","type":"Row","data":{"key":"a"}}\n', "twice"),
    ("64 bits and one", row("a", i=1 << 63), ":1:"),
    ("unsigned and one", row("a", u=1 << 64), ":1:"),
    ("below zero", row("a", u=-1), ":1:"),
    ("a fraction for an integer", '{"type":"Row","data":{"key":"a","i":1.5}}\n', ":1:"),
    ("a float past its range", '{"type":"Row","data":{"key":"a","f":1e999}}\n', ":1:"),
    ("NaN", '{"type":"Row","data":{"key":"a","f":NaN}}\n', ":1:"),
    ("a leading zero", '{"type":"Row","data":{"key":"a","i":01}}\n', ":1:"),
    ("a text for a number", row("a", i="1"), ":1:"),
    ("no day", row("a", d="2023-02-29"), "2023-02-29"),
    ("no such colour", row("a", e="blue"), "blue"),
    ("no such property", row("a", zzz=1), "zzz"),
    ("no such type", '{"type":"Nothing","data":{}}\n', "Nothing"),
    ("no such edge", '{"edge":"Nothing","from":"a","to":"b"}\n', "Nothing"),
    ("a missing end", row("a") + '{"edge":"Link","from":"a","to":"nobody"}\n', "nobody"),
    ("an edge twice", row("a") + 2 * '{"edge":"Link","from":"a","to":"a"}\n', ":3"),
    ("half a line", '{"type":"Row","data":{"key":"a"', ":1:"),
    ("two values on a line", row("a").strip() + row("b"), ":1:"),
    ("an array", '[{"type":"Row","data":{"key":"a"}}]\n', ":1:"),
    ("a trailing comma", '{"type":"Row","data":{"key":"a",}}\n', ":1:"),
    ("a comment", "// rows\n" + row("a"), ":1:"),
    ("a row of 16 MiB and a byte", '{"type":"Row","data":' + sized(16 * MIB + 1) + "}\n", ":1"),
    ("1000 deep", any_row("a", '{"x":' + "[" * 1000 + "]" * 1000 + "}"), "deep"),
    ("a million deep without an end", any_row("a", '{"x":' + "[" * 1000000), "does not end"),
    ("a million deep", any_row("a", '{"x":' + "[" * 1000000 + "]" * 1000000 + "}"), "deep"),
    ("CSV: a field too many", csv("key,s\na,b,c\n"), "Row.csv:2"),
    ("CSV: a field too few", csv("key,s\na\n"), "Row.csv:2"),
    ("CSV: a column twice", csv("key,s,s\na,b,c\n"), "Row.csv:1"),
    ("CSV: no such column", csv("key,zzz\na,b\n"), "zzz"),
    ("CSV: no key", csv("s\na\n"), "key"),
    ("CSV: an open quote", csv('key,s\na,"b\n'), "Row.csv:2"),
    ("CSV: text behind a quote", csv('key,s\na,"b"c\n'), "Row.csv:2:"),
    ("CSV: a lone carriage return", csv("key,s\na,b\rc,d\n"), "Row.csv:2:"),
    ("CSV: no number", csv("key,i\na,0x10\n"), "Row.csv:2:3"),
    ("CSV: blanks in a number", csv("key,i\na, 1\n"), "Row.csv:2:3"),
    ("CSV: Latin-1", ("Row.csv", "key,s\na,caf\u00e9\n".encode("latin-1")), "UTF-8"),
    ("CSV: gzip", ("Row.csv", gzip.compress(b"key\na\n")), "gzip"),
]

faults = []
def check(true, *words):
    if not true: faults.append(" ".join(str(word)[:400] for word in words))

def put(what):
    name, text = what if isinstance(what, tuple) else ("in.jsonl", what)
    with open(name, "wb") as file:
        file.write(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
    return name

for at, (name, what, lines) in enumerate(taken):
    one, two, three = (new("taken%d.%d" % (at, i)) for i in range(3))
    code, _, said = run("load", one, put(what), "--mode", "append")
    check(code == 0, name, "is refused:", said)
    code, out, said = run("export", one)
    check(code == 0 and out.count(b"\n") == lines, name, "gives", out[:300], said)
    code, _, said = run("load", two, "-", "--mode", "append", data=out)
    check(code == 0, name, "does not come back:", said)
    check(run("export", two)[1] == out, name, "comes back as", run("export", two)[1][:300], "not", out[:300])
    # The same, and nothing to do; then as tables.
    head = run("log", two, "--json")[1]
    code, _, said = run("load", two, "-", "--mode", "merge", data=out)
    check(code == 0 and run("log", two, "--json")[1] == head, name, "is a change when it is merged over itself:", said)
    if b'"type":"Any"' in out: continue
    os.makedirs("tables", exist_ok=True)
    for table in "Row", "Link":
        code, text, said = run("export", one, "--type", table, "--format", "csv")
        check(code == 0, name, "has no CSV:", said)
        with open("tables/%s.csv" % table, "wb") as file: file.write(text)
    code, _, said = run("load", three, "tables", "--mode", "append")
    check(code == 0, name, "does not come back from CSV:", said)
    for table in "Row", "Link":
        with open("tables/%s.csv" % table, "rb") as file: text = file.read()
        check(run("export", three, "--type", table, "--format", "csv")[1] == text, name, "comes back from CSV changed")
    check(run("fsck", three)[0] == 0, name, run("fsck", three)[1])

store = new("refusing")
run("load", store, "-", "--mode", "append", data=(row("old") + any_row("old", "{}")).encode())
before = run("export", store)[1], run("log", store, "--json")[1]
for name, what, words in refused:
    for mode in "append", "merge", "replace":
        code, _, said = run("load", store, put(what), "--mode", mode)
        check(code == 1, name, "with", mode, "gives code", code, said)
        check(words in said, name, "with", mode, "says", said)
check((run("export", store)[1], run("log", store, "--json")[1]) == before, "a refused load changed something")
check(run("fsck", store)[0] == 0, run("fsck", store)[1])
if faults:
    print("\n".join(faults))
    raise SystemExit(1)
END
must python3 nasty.py "$mendfs"
