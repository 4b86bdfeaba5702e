# Sourced after lib.sh by scripts that try ways to edit a row. What a way does to a file on the disk it
# does to a node row and to an edge row: the same bytes, the same files left beside it; the row keeps
# its number and its edges. What is no valid row is refused: the way fails, `why` tells, the row is
# as it was, and the refused bytes are in .mend/rejected.
#
# A way is a line "name tool command" of a table. The command replaces $old by $new in $row; $dir and
# $name are the two parts of that path, and $want is a file elsewhere with the body that comes of it.

# Run COMMAND: quietly; its words are in the file said. A way that hangs is ended.
Run() {
  (
    set +e
    eval "$1"
  ) >said 2>&1 </dev/null
}

# Beside DIRECTORY: what lies there and was not listed before.
Beside() {
  (cd "$1" && ls -A | LC_ALL=C sort | grep -vxF -f "$OLDPWD/listing" | tr '\n' ' ') || true
}

# KeptRefused ROW: the bytes of wanted are in .mend/rejected, as far as they were written: an editor that
# writes in pieces hears of a piece that nothing can mend, and stops there.
KeptRefused() {
  local kept
  for kept in "$mnt/.mend/rejected/$1".*; do
    if [[ -s $kept ]] && cmp -s -n "$(stat -c %s "$kept")" "wanted/${1##*/}" "$kept"; then return; fi
  done
  return 1
}

# TryEdit WAY COMMAND TABLE NAME OLD GOOD BAD…
TryEdit() {
  local way=$1 command=$2 name=$4 old=$5 good=$6 new dir row want number scratch
  local real=$mnt/$3/$4 table=${3#*/}
  shift 6
  number=$(stat -c %i "$real")
  (cd "${real%/*}" && ls -A) >listing
  cp "$real" before
  rm -rf twin wanted && mkdir twin wanted
  cp before "twin/$name"
  touch -d '1 minute ago' "twin/$name"
  want=$PWD/wanted/$name
  for new in "$good" "$@"; do
    sed "s/$old/$new/" before >"$want"
    if [[ $new == "$good" ]]; then
      dir=$PWD/twin row=$PWD/twin/$name
      Run "$command" || fail "$way: does not do on the disk what it is to do: $(cat said)"
      must cmp "twin/$name" "$want"
    fi
    dir=${real%/*} row=$real
    if [[ $new == "$good" ]]; then
      Run "$command" || fail "$way: $table/$name: refused a valid body: $(cat said)"
      must cmp "$want" "$real"
      same "$(Beside twin)" "$(Beside "$dir")"
    else
      if Run "$command"; then fail "$way: $table/$name: took an invalid body, $new"; fi
      soon test -e "$real"
      must cmp before "$real"
      holds "$(head -n 40 "$mnt/.mend/last_error")" "$name"
      soon KeptRefused "$table/$name"
    fi
    for scratch in $(Beside "$dir"); do
      case $scratch in
        [!.]*.json) fail "$way: left the row $scratch behind" ;;
        *) must rm "$dir/$scratch" ;;
      esac
    done
    same "$number" "$(stat -c %i "$real")"
    (cd "$dir" && ls -A) | cmp -s listing - || fail "$way: $table: rows went or came"
    cmp -s before "$real" || must cp before "$real"
  done
}

# TryWays: all ways of the table from standard input that have their tool, and are named by $only
# where that is set; each has a row and an edge of its own.
TryWays() {
  local way tool command number=() ways=()
  while read -r way tool command; do
    [[ $way =~ ^(${only:-.*})$ ]] || continue
    if ! command -v "$tool" >/dev/null; then
      echo "left out: $way, there is no $tool"
      continue
    fi
    ways+=("$way" "$command")
    printf '{"name":"%s","age":40}\n' "$way" >"$people/$way.json"
    printf '{"since":"2020-01-01"}\n' >"$knows/alice~$way.json"
    number+=("$(stat -c %i "$people/$way.json")")
  done
  soon test -e "$knows/alice~${ways[-2]}.json"
  set -- "${ways[@]}"
  while (($# > 0)); do
    TryEdit "$1" "$2" nodes/Person "$1.json" 40 41 4100 '4]'
    TryEdit "$1" "$2" edges/Knows "alice~$1.json" 2020 2021 20x1
    shift 2
  done
  sleep 2.5 # longer than a row that was removed waits for its successor
  StillThere "${ways[@]}"
  remount
  StillThere "${ways[@]}"
  unmount
  holds "$("$mendfs" fsck "$store")" clean
  must "$mendfs" mount "$store" "$mnt"
}

# StillThere WAY COMMAND…: with the numbers that they had.
StillThere() {
  local at=0
  while (($# > 0)); do
    same "{\"name\":\"$1\",\"age\":40}" "$(cat "$people/$1.json")"
    same "${number[at]}" "$(stat -c %i "$people/$1.json")"
    same '{"since":"2020-01-01"}' "$(cat "$knows/alice~$1.json")"
    ((++at))
    shift 2
  done
}
