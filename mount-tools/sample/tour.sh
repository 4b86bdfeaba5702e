# Sourced by quickstart: what it shows in the mount, and what it compares with --check.
#
# Runs in the mount point, with $scratch/sample.jsonl (what was loaded), $root and mendfs in PATH.
# Every comparison adds to `compared`, and to `differed` when it does not hold.

differed=0
compared=0

# Show COMMAND: prints and runs it, its output cut to a screenful.
Show() {
  printf '\n$ %s\n' "$1"
  bash -c "$1" 2>&1 | awk 'NR <= 14 { print substr($0, 1, 160) }
                       END { if (NR > 14) print "… " NR - 14 " more" }'
}

# CheckSame WHAT EXPECTED FOUND
CheckSame() {
  compared=$((compared + 1))
  if [[ $2 == "$3" ]]; then
    echo "ok: $1"
  else
    differed=$((differed + 1))
    echo "DIFFERS: $1: expected $2, found $3"
  fi
}

# CheckFiles WHAT EXPECTED FOUND: two files, as sets of lines
CheckFiles() {
  compared=$((compared + 1))
  LC_ALL=C sort -o "$2" "$2"
  LC_ALL=C sort -o "$3" "$3"
  if [[ -s $2 ]] && cmp -s "$2" "$3"; then
    echo "ok: $1 ($(wc -l <"$2"))"
  else
    differed=$((differed + 1))
    echo "DIFFERS: $1: $(wc -l <"$2") expected, $(wc -l <"$3") found; the first differences:"
    diff "$2" "$3" | sed -n '2,6p' || true
  fi
}

# Every body in a table, whatever their number.
ReadRows() { find "$1" -name '*.json' -print0 | xargs -0 cat; }
# The neighbours in a graph/ folder; parallel edges lead to one.
Neighbours() { ls "$1" | sed 's/~[0-9]*$//' | LC_ALL=C sort -u; }

TourPackages() {
  Show 'ls'
  Show 'jq . nodes/Package/bash.json'
  Show 'ls graph/Package/libc6/in/DependsOn | wc -l      # packages that ask for libc6'
  Show 'ls graph/Package/bash/out/DependsOn              # what bash asks for, and on from there:'
  Show 'ls graph/Package/bash/out/DependsOn/libtinfo6/out/DependsOn/libc6/out/DependsOn'
  Show 'cat edges/DependsOn/bash~libtinfo6.json'
  Show "grep -rl '\"priority\":\"required\"' nodes/Package | sort | head -n 5"
  Show "find nodes/Package -name '*.json' -print0 | xargs -0 cat |
    jq -rs 'map(select(.installed)) | sort_by(-.installed_size_kib)[:5][] |
            \"\(.installed_size_kib / 1024 | floor) MiB  \(.name): \(.summary)\"'"
  Show 'ls -U edges/MaintainedBy | sed "s/.json$//; s/.*~//" | sort | uniq -c | sort -rn | head -n 3'
  Show 'mendfs log .'
}

CheckPackages() {
  local want=$scratch/want found=$scratch/found
  mkdir -p "$want" "$found"
  "$root/mount-tools/sample/expect" "$want"

  ReadRows nodes/Package >"$found/rows"
  jq -r 'select(.virtual | not).name' "$found/rows" >"$found/names"
  CheckFiles "every package of dpkg and apt is a row" "$want/names" "$found/names"
  jq -r 'select(.installed).name' "$found/rows" >"$found/installed"
  CheckFiles "those installed are marked" "$want/installed" "$found/installed"

  # As src TAB dst, for the packages whose mentions are known by other means.
  ls -U edges/DependsOn | sed 's/\.json$//' |
    awk -F '~' -v judged="$want/judged" '
      BEGIN { while ((getline name < judged) > 0) known[name] = 1 }
      $1 in known { print $1 "\t" $2 }' >"$found/mentions"
  CheckFiles "every mention of a package is an edge" "$want/mentions" "$found/mentions"

  sed -n 's/^bash\t//p' "$want/mentions" | LC_ALL=C sort -u >"$want/bash"
  Neighbours graph/Package/bash/out/DependsOn >"$found/bash"
  CheckFiles "what bash asks for, walking the graph" "$want/bash" "$found/bash"
  sed -n 's/\tlibc6$//p' "$want/mentions" | LC_ALL=C sort -u >"$want/libc6"
  Neighbours graph/Package/libc6/in/DependsOn | LC_ALL=C comm -12 - "$want/judged" >"$found/libc6"
  CheckFiles "who asks for libc6, walking backwards" "$want/libc6" "$found/libc6"
  CheckSame "hops chain" "$(readlink -f graph/Package/libc6)" \
    "$(cd -P graph/Package/bash/out/DependsOn/libtinfo6/out/DependsOn/libc6 && pwd)"

  jq -r 'select(.section == "games") | "nodes/Package/\(.name).json"' "$found/rows" >"$want/games"
  grep -rl '"section":"games"' nodes/Package >"$found/games" || true
  CheckFiles "grep finds what jq finds" "$want/games" "$found/games"
}

TourSource() {
  Show 'ls'
  Show 'jq . nodes/File/meta%2Fbase%2Fstatus.h.json'
  Show 'ls graph/File/meta%2Fbase%2Fstatus.h/in/Includes | wc -l   # files that include it'
  Show 'ls graph/File/meta%2Fstore.h/out/Includes                  # what store.h includes'
  Show "grep -rl '\"kind\":\"header\"' nodes/File | wc -l"
  Show "find nodes/File -name '*.json' -print0 | xargs -0 cat |
    jq -rs 'sort_by(-.lines)[:5][] | \"\(.lines) \(.path)\"'"
  Show 'mendfs log .'
}

CheckSource() {
  local want=$scratch/want found=$scratch/found header=meta/base/status.h
  mkdir -p "$want" "$found"
  ReadRows nodes/File >"$found/rows"
  (cd "$root" && find . -name '.?*' -prune -o -path './build*' -prune -o -type f -print) |
    sed 's|^\./||' >"$want/paths"
  jq -r .path "$found/rows" >"$found/paths"
  CheckFiles "every file is a row" "$want/paths" "$found/paths"
  (cd "$root" && xargs -d '\n' grep -l "^#include \"$header\"" <"$want/paths" || true) |
    sed 's|/|%2F|g' >"$want/includers"
  Neighbours "graph/File/${header//\//%2F}/in/Includes" >"$found/includers"
  CheckFiles "who includes $header, walking backwards" "$want/includers" "$found/includers"
}

# Whatever the sample: all that was loaded reads back, through the mount and through export.
CheckBodies() {
  local type want=$scratch/want found=$scratch/found
  for type in $(jq -r '.type // empty' "$scratch/sample.jsonl" | sort -u); do
    jq -cS --arg type "$type" 'select(.type == $type).data' "$scratch/sample.jsonl" >"$want/bodies"
    ReadRows "nodes/$type" | jq -cS . >"$found/bodies"
    CheckFiles "every $type reads back as it was loaded" "$want/bodies" "$found/bodies"
  done
  for type in $(jq -r '.edge // empty' "$scratch/sample.jsonl" | sort -u); do
    jq -cS --arg type "$type" 'select(.edge == $type) | .n //= 1 | .data //= {}' \
      "$scratch/sample.jsonl" >"$want/bodies"
    mendfs export . --type "$type" | jq -cS '.n //= 1 | .data //= {}' >"$found/bodies"
    CheckFiles "every $type is exported as it was loaded" "$want/bodies" "$found/bodies"
    CheckSame "edges/$type lists each once" "$(wc -l <"$want/bodies")" \
      "$(ls -U "edges/$type" | sort -u | wc -l)"
  done
}
