# Sourced by the scripts of this folder: a store in the scratch folder, mounted at mnt, and short ways
# to say what must be true. A script ends at the first thing that is not.
#
# Needs:  MENDFS (the program; else the one in PATH), the working directory of tests/house/in_scratch
# Exit:   77 where nothing can be mounted
set -euo pipefail

mendfs=${MENDFS:-mendfs}
store=$PWD/store
mnt=$PWD/mnt

if [[ ! -c /dev/fuse || ! -r /dev/fuse ]]; then
  echo "skipped: /dev/fuse is missing"
  exit 77
fi

fail() {
  echo "FAILED at line ${BASH_LINENO[1]}: $*" >&2
  echo "--- last refusals" >&2
  timeout 5 head -n 12 "$mnt/.mend/last_error" >&2 2>/dev/null || true
  exit 1
}

# same WANTED SEEN
same() {
  [[ $1 == "$2" ]] || fail "wanted <$1>, saw <$2>"
}
# holds TEXT WORD: the word stands in the text
holds() {
  [[ $1 == *"$2"* ]] || fail "wanted <$2> in <$1>"
}
# must COMMAND…
must() {
  "$@" || fail "should work: $*"
}
# refused WORD COMMAND…: it fails and says WORD on stderr
refused() {
  local word=$1 said
  shift
  if said=$("$@" 2>&1 >/dev/null); then fail "should be refused: $*"; fi
  holds "$said" "$word"
}
# absent PATH
absent() {
  [[ ! -e $1 && ! -L $1 ]] || fail "should not be there: $1"
}
# soon COMMAND…: what the kernel only tells after close(2) has returned
soon() {
  for _ in $(seq 600); do
    "$@" >/dev/null 2>&1 && return
    sleep 0.05
  done
  fail "did not become true: $*"
}
# names PATTERN…: the listing of a directory, sorted, on one line
names() {
  (cd "$1" && ls -A | LC_ALL=C sort | tr '\n' ' ')
}
# traces DIR: all that a write below it would change: names, bytes, times of writing
traces() {
  (cd "$1" && find . -printf '%p %y %s %T@ %C@\n' | LC_ALL=C sort &&
    find . -type f -exec md5sum {} + | LC_ALL=C sort)
}
need() {
  local tool
  for tool; do
    command -v "$tool" >/dev/null || {
      echo "skipped: there is no $tool"
      exit 77
    }
  done
}

# in_own_mounts: runs the script again, from its start, in a private mount namespace.
in_own_mounts() {
  [[ -z ${INSIDE:-} ]] || return 0
  unshare --mount --propagation private true 2>/dev/null || {
    echo "skipped: no private mount namespace"
    exit 77
  }
  INSIDE=1 exec unshare --mount --propagation private bash "$0"
}

unmount() {
  if mountpoint -q "$mnt"; then "$mendfs" umount "$mnt"; fi
}
remount() {
  unmount
  must "$mendfs" mount "$store" "$mnt" "$@"
}

# start: makes and mounts a store with people, who know each other.
start() {
  cat >schema <<'END'
node Person { name: String @key, age: I32? @range(0..150), city: String? }
node City { name: String @key }
edge Knows: Person -> Person { since: Date? }
edge LivesIn: Person -> City
END
  must "$mendfs" mkfs "$store" --schema schema >/dev/null
  mkdir "$mnt"
  trap 'unmount || umount -l "$mnt"' EXIT
  must "$mendfs" mount "$store" "$mnt"
  people=$mnt/nodes/Person
  knows=$mnt/edges/Knows
  printf '{"name":"alice","age":30}\n' >"$people/alice.json"
  printf '{"name":"bob","age":40}\n' >"$people/bob.json"
  printf '{"age":50,"city":"Rome"}\n' >"$people/carol.json"
  printf '{"since":"2020-01-01"}\n' >"$knows/alice~bob.json"
  printf '{}\n' >"$knows/bob~carol.json"
}
