# CompareVersions: the order of package versions, as Debian policy 5.6.12 has it.

BEGIN {
  for (i = 1; i < 256; i++) ordinal[sprintf("%c", i)] = i
}

# Below 0, 0 or above 0, in the order of Debian policy 5.6.12: [epoch:]upstream[-revision].
function CompareVersions(a, b,    epoch_a, epoch_b, revision_a, revision_b, colon, order) {
  if (a "" == b "") return 0  # as text: 1 and 1.0 differ
  if ((colon = index(a, ":"))) { epoch_a = substr(a, 1, colon - 1); a = substr(a, colon + 1) }
  if ((colon = index(b, ":"))) { epoch_b = substr(b, 1, colon - 1); b = substr(b, colon + 1) }
  if (epoch_a + 0 != epoch_b + 0) return epoch_a + 0 - (epoch_b + 0)
  if (match(a, /-[^-]*$/)) { revision_a = substr(a, RSTART + 1); a = substr(a, 1, RSTART - 1) }
  if (match(b, /-[^-]*$/)) { revision_b = substr(b, RSTART + 1); b = substr(b, 1, RSTART - 1) }
  order = CompareParts(a, b)
  return order ? order : CompareParts(revision_a, revision_b)
}

# Runs of non-digits and runs of digits in turn; "~" sorts before the end, letters before the rest.
function CompareParts(a, b,    i, order, run_a, run_b) {
  while (a != "" || b != "") {
    match(a, /^[^0-9]*/); run_a = substr(a, 1, RLENGTH); a = substr(a, RLENGTH + 1)
    match(b, /^[^0-9]*/); run_b = substr(b, 1, RLENGTH); b = substr(b, RLENGTH + 1)
    for (i = 1; i <= length(run_a) || i <= length(run_b); i++) {
      order = Weight(substr(run_a, i, 1)) - Weight(substr(run_b, i, 1))
      if (order) return order
    }
    match(a, /^[0-9]*/); run_a = substr(a, 1, RLENGTH); a = substr(a, RLENGTH + 1)
    match(b, /^[0-9]*/); run_b = substr(b, 1, RLENGTH); b = substr(b, RLENGTH + 1)
    # As text, because such numbers may have more digits than a double keeps.
    sub(/^0+/, "", run_a)
    sub(/^0+/, "", run_b)
    if (length(run_a) != length(run_b)) return length(run_a) - length(run_b)
    if (run_a != run_b) return run_a "" < run_b "" ? -1 : 1
  }
  return 0
}

function Weight(c) {
  if (c == "") return 0
  if (c == "~") return -1
  return c ~ /[A-Za-z]/ ? ordinal[c] : ordinal[c] + 256
}
