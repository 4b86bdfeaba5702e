# Sourced by bash scripts that build MendFS: installs what is missing, runs long commands quietly.
#
# Shape:  every phase prints one line; everything that its commands say goes to $setup_log, whose
#         tail is shown when one fails
# Exit:   SetupPackages ends the script with 2 where it cannot install: it prints the one command
#         that does. Everything else returns its command's code.
# Lists:  names that Debian 12 and 13 and Ubuntu 24.04 and newer share

setup_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
setup_log=$setup_root/build/setup.log

setup_build_packages=(
  g++ cmake ninja-build pkgconf
  libfuse3-dev fuse3 libleveldb-dev libssl-dev libxxhash-dev libspdlog-dev libcli11-dev
  libboost-dev libboost-filesystem-dev libsimdjson-dev nlohmann-json3-dev libre2-dev
)
setup_sample_packages=(jq)
# What tests use through a mount, besides what every Debian has.
setup_test_packages=(
  libgtest-dev libgmock-dev jq vim rsync git attr acl python3 sqlite3 procps file
  ed emacs-nox moreutils nano patch perl
)
setup_clang_packages=(clang)
# What tests/posix/run wants besides; a server of PostgreSQL comes with them.
setup_posix_packages=(
  fio stress-ng postgresql linux-source xz-utils make flex bison bc perl
)

# Begins a log; the line says what the caller is about to do.
SetupBegin() {
  mkdir -p "$setup_root/build"
  printf '%s: %s\n' "$(date '+%F %T')" "$1" >"$setup_log"
}

# RunPhase TITLE COMMAND…: one line with the time taken, and on a terminal the progress meanwhile.
RunPhase() {
  local title=$1 started=$SECONDS process code=0
  shift
  printf '\n== %s: %s\n' "$title" "$*" >>"$setup_log"
  if [[ -t 1 ]]; then
    "$@" >>"$setup_log" 2>&1 </dev/null &
    process=$!
    # Without job control a command in the background does not hear the terminal's interrupt.
    trap 'kill "$process" 2>/dev/null; exit 130' INT
    while kill -0 "$process" 2>/dev/null; do
      printf '\r\033[K%s … %s' "$title" \
        "$(tail -n 1 "$setup_log" | tr -cd '[:print:]' | cut -c "1-$((${COLUMNS:-80} - ${#title} - 5))")"
      sleep 0.3
    done
    wait "$process" || code=$?
    trap - INT
    printf '\r\033[K'
  else
    "$@" >>"$setup_log" 2>&1 </dev/null || code=$?
  fi
  if ((code != 0)); then
    printf '%s … failed (code %d). The end of %s:\n\n' "$title" "$code" "$setup_log" >&2
    tail -n 40 "$setup_log" >&2
    return "$code"
  fi
  printf '%s … %d s\n' "$title" "$((SECONDS - started))"
}

# The names among "$@" that dpkg does not have installed, each once.
SetupMissing() {
  local have name
  have=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "$@" 2>/dev/null || true)
  for name in "$@"; do
    grep -qxF -- "$name installed" <<<"$have" || printf '%s\n' "$name"
  done | awk '!seen[$0]++'
}

# SetupPackages NAME…: installs the missing ones as root or through sudo.
SetupPackages() {
  local missing as_root=() install
  if ! command -v dpkg-query apt-get >/dev/null; then
    echo "No apt here. The build needs what these Debian packages hold: $*"
    return 0
  fi
  mapfile -t missing < <(SetupMissing "$@")
  ((${#missing[@]} > 0)) || return 0
  install="apt-get install -y --no-install-recommends ${missing[*]}"
  if ((EUID != 0)); then
    if command -v sudo >/dev/null && { sudo -n true 2>/dev/null || { [[ -t 0 ]] && sudo -v; }; }; then
      as_root=(sudo -n)
    else
      printf '%s\n' "Packages are missing and this user may not install them. As root, run:" "" \
        "  apt-get update && $install" "" "then start this again." >&2
      exit 2
    fi
  fi
  RunPhase "Reading the package lists" \
    "${as_root[@]}" apt-get -o DPkg::Lock::Timeout=300 update
  RunPhase "Installing ${#missing[@]} packages" \
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 \
    install -y --no-install-recommends "${missing[@]}"
}

# Ends the script with 2 where the tools are too old to build with.
SetupToolVersions() {
  local have
  have=$(cmake --version 2>/dev/null | sed -n '1s/[^0-9]*\([0-9.]*\).*/\1/p')
  if [[ -z $have || $(printf '%s\n' 3.25 "$have" | sort -V | head -n 1) != 3.25 ]]; then
    echo "CMake 3.25 or newer is needed; this is ${have:-not there}." >&2
    exit 2
  fi
}

# SetupBuild PRESET TARGET [CMAKE OPTION…]: configures and builds in build/PRESET.
SetupBuild() {
  local preset=$1 target=$2
  shift 2
  SetupToolVersions
  RunPhase "Configuring ($preset)" cmake -S "$setup_root" --preset "$preset" "$@"
  RunPhase "Building ($preset)" cmake --build "$setup_root/build/$preset" --target "$target" \
    --parallel "${MENDFS_JOBS:-$(nproc)}"
}
