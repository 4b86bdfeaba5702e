# pjdfstest on a mount; called by the script run beside it.
#
# Usage:  pjdfstest.sh SUITE, in a scratch folder
source "$(dirname "${BASH_SOURCE[0]}")/../mount/lib.sh"
suite=$1
listed=$(dirname "${BASH_SOURCE[0]}")/../../docs/posix.md

start >/dev/null
chmod 755 "$PWD"
mkdir "$mnt/files/posix" bin
# The suite makes its stricter checks only on file systems that it knows by name.
cat >bin/df <<'END'
#!/bin/sh
echo "Filesystem Type 1024-blocks Used Available Capacity Mounted"
echo "store ext4 1 1 1 1% /"
END
chmod 755 bin/df
path=$PWD/bin:$PATH
(cd "$mnt/files/posix" && PATH=$path prove -r -j "$(nproc)" "$suite/tests") \
  >seen 2>&1 || true

total=$(sed -n 's/^Files=\([0-9]*\), Tests=\([0-9]*\),.*/\1 \2/p' seen)
[[ -n $total ]] || {
  tail -n 20 seen >&2
  fail "prove told no result"
}
read -r scripts checks <<<"$total"

# The summary names a script, then what was wrong with it:
#   …/tests/chown/00.t  (Wstat: 0 Tests: 1280 Failed: 2)
#     Parse errors: Bad plan. …
awk -v root="$suite/tests/" '
  index($0, root) == 1 && /Wstat/ {
    script = substr($1, length(root) + 1)
    sub(/.*Failed: /, ""); bad[script] += $0 + 0
  }
  /^  (Parse errors|Non-zero)/ { if (bad[script] == 0) bad[script] = 1 }
  END { for (script in bad) if (bad[script] > 0) print script, bad[script] }' seen | sort >failed
# Lines of the list:  - `chown/00.t`: why
sed -n 's/^- `\([a-z_]*\/[0-9]*\.t\)`: .*/\1/p' "$listed" | sort >cannot

code=0
while read -r script count; do
  grep -qx "$script" cannot && continue
  echo "failed: $script ($count checks)"
  code=1
done <failed
while read -r script; do
  grep -q "^$script " failed && continue
  echo "passes, yet docs/posix.md says that it cannot: $script"
  code=1
done <cannot
((code == 0)) || sed -n '/^Test Summary/,/^Files=/p' seen
echo "$scripts scripts, $checks checks, $(wc -l <failed) failed, $(wc -l <cannot) cannot apply"
exit "$code"
