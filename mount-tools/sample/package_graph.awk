# Reads the stanzas of dpkg's status and apt's lists, prints the package graph as JSON lines.
#
# Shape:  a line "@source installed" or "@source available" says where the stanzas after it are from
# Input:  UTF-8; -v native=ARCH is the machine's architecture
# Order:  packages as first seen, each followed by its edges; then maintainers, names that only
#         others mention, and Provides edges. The same input gives the same bytes.
# Runs under mawk and gawk, in the C locale, with versions.awk.

BEGIN {
  field_count = split("Package Version Architecture Section Priority Source Description Homepage" \
                      " Maintainer Status Installed-Size Size Provides" \
                      " Pre-Depends Depends Recommends Suggests", field_names, " ")
  for (i = 1; i <= field_count; i++) wanted[field_names[i]] = 1
  kind_count = split("Pre-Depends Depends Recommends Suggests", kind_fields, " ")
  split("pre_depends depends recommends suggests", kind_names, " ")
  for (i = 1; i <= kind_count; i++) folded[kind_fields[i]] = 1
  folded["Provides"] = 1
}

/^@source / { EndStanza(); is_installed_source = ($2 == "installed"); next }
/^[ \t]*$/ { EndStanza(); next }
/^[ \t]/ {
  # Continuation lines matter for lists of packages only; a description's first line is its summary.
  if (field in folded) stanza[field] = stanza[field] " " $0
  next
}
{
  colon = index($0, ":")
  field = substr($0, 1, colon - 1)
  if (field in wanted) {
    value = substr($0, colon + 1)
    gsub(/^[ \t]+|[ \t\r]+$/, "", value)
    stanza[field] = value
  }
}

END {
  EndStanza()
  for (i = 1; i <= package_count; i++) PrintPackage(packages[i])
  for (i = 1; i <= maintainer_count; i++) {
    email = maintainers[i]
    print "{\"type\":\"Maintainer\",\"data\":{\"email\":\"" Escape(email) "\"" \
          Text("name", maintainer_name[email]) "}}"
  }
  for (i = 1; i <= virtual_count; i++)
    print "{\"type\":\"Package\",\"data\":{\"name\":\"" Escape(virtuals[i]) \
          "\",\"installed\":false,\"virtual\":true}}"
  for (i = 1; i <= package_count; i++) PrintProvides(packages[i])
}

# Keeps the stanza if it is the best one of its name so far: the installed version, else the newest;
# the machine's own architecture before others.
function EndStanza(    name, version, rank, arch) {
  name = stanza["Package"]
  field = ""
  if (name == "") { Forget(); return }
  arch = stanza["Architecture"]
  version = stanza["Version"]
  rank = (arch == native || arch == "all") ? 2 : 1
  if (is_installed_source) {
    if (stanza["Status"] !~ / installed$/) { Forget(); return }
    rank += 2
  }
  if (!(name in best_rank)) packages[++package_count] = name
  else if (rank < best_rank[name] ||
           (rank == best_rank[name] && CompareVersions(version, best_version[name]) <= 0)) {
    Forget()
    return
  }
  best_rank[name] = rank
  best_version[name] = version
  body[name] = Body(name, arch, version)
  maintainer[name] = stanza["Maintainer"]
  provides[name] = stanza["Provides"]
  for (kind = 1; kind <= kind_count; kind++) depends[name, kind] = stanza[kind_fields[kind]]
  Forget()
}

function Forget() { split("", stanza) }

function Body(name, arch, version,    source) {
  source = stanza["Source"]
  sub(/ .*/, "", source)
  return "{\"name\":\"" Escape(name) "\"" Text("version", version) Text("architecture", arch) \
         Text("section", stanza["Section"]) Text("priority", stanza["Priority"]) \
         Text("source", source) Text("summary", stanza["Description"]) \
         Text("homepage", stanza["Homepage"]) \
         ",\"installed\":" (is_installed_source ? "true" : "false") ",\"virtual\":false" \
         Number("installed_size_kib", stanza["Installed-Size"]) \
         Number("download_bytes", stanza["Size"]) "}"
}

function PrintPackage(name,    text, email, person, kind) {
  print "{\"type\":\"Package\",\"data\":" body[name] "}"
  text = maintainer[name]
  if (text != "") {
    email = person = text
    if (match(text, /<[^<>]+>/)) {
      email = substr(text, RSTART + 1, RLENGTH - 2)
      person = substr(text, 1, RSTART - 1)
      gsub(/^[ \t"]+|[ \t"]+$/, "", person)
    }
    if (!(email in maintainer_name)) {
      maintainers[++maintainer_count] = email
      maintainer_name[email] = person
    }
    print "{\"edge\":\"MaintainedBy\",\"from\":\"" Escape(name) "\",\"to\":\"" Escape(email) "\"}"
  }
  split("", times)
  for (kind = 1; kind <= kind_count; kind++)
    if (depends[name, kind] != "") PrintDepends(name, kind_names[kind], depends[name, kind])
}

# One edge for every name in "a (>= 1), b | c:any"; `times` numbers the parallel ones.
function PrintDepends(name, kind, text,    groups, group_count, choices, choice_count, g, c, first) {
  group_count = split(text, groups, ",")
  for (g = 1; g <= group_count; g++) {
    choice_count = split(groups[g], choices, "|")
    first = ""
    for (c = 1; c <= choice_count; c++) {
      if (!SplitMention(choices[c])) continue
      if (!(mention in best_rank) && !(mention in is_virtual)) {
        is_virtual[mention] = 1
        virtuals[++virtual_count] = mention
      }
      times[mention]++
      print "{\"edge\":\"DependsOn\",\"from\":\"" Escape(name) "\",\"to\":\"" Escape(mention) "\"" \
            (times[mention] > 1 ? ",\"n\":" times[mention] : "") \
            ",\"data\":{\"kind\":\"" kind "\"" Text("constraint", mention_constraint) \
            Text("instead_of", first) "}}"
      if (first == "") first = mention
    }
  }
}

# Only names that are nodes anyway: a package may provide hundreds that nobody asks for.
function PrintProvides(name,    mentions, count, m) {
  if (provides[name] == "") return
  split("", times)
  count = split(provides[name], mentions, ",")
  for (m = 1; m <= count; m++) {
    if (!SplitMention(mentions[m])) continue
    if (!(mention in best_rank) && !(mention in is_virtual)) continue
    sub(/^= */, "", mention_constraint)
    times[mention]++
    print "{\"edge\":\"Provides\",\"from\":\"" Escape(name) "\",\"to\":\"" Escape(mention) "\"" \
          (times[mention] > 1 ? ",\"n\":" times[mention] : "") \
          (mention_constraint != "" ? ",\"data\":{\"version\":\"" Escape(mention_constraint) "\"}" : "") \
          "}"
  }
}

# "libc6:any (>= 2.36)" -> mention "libc6", mention_constraint ">= 2.36"; 0 if there is no name.
function SplitMention(text) {
  mention = mention_constraint = ""
  if (!match(text, /[^ \t:(<\[]+/)) return 0
  mention = substr(text, RSTART, RLENGTH)
  if (match(text, /\([^)]*\)/)) {
    mention_constraint = substr(text, RSTART + 1, RLENGTH - 2)
    gsub(/^[ \t]+|[ \t]+$/, "", mention_constraint)
  }
  return 1
}

function Text(property, value) {
  return value == "" ? "" : ",\"" property "\":\"" Escape(value) "\""
}

function Number(property, value) {
  return value ~ /^(0|[1-9][0-9]*)$/ && length(value) < 19 ? ",\"" property "\":" value : ""
}

# The inside of a JSON string. Nearly all values need nothing.
function Escape(value,    out, i, c) {
  if (value !~ /[\\"\001-\037]/) return value
  out = ""
  for (i = 1; i <= length(value); i++) {
    c = substr(value, i, 1)
    if (c == "\\" || c == "\"") out = out "\\" c
    else if (ordinal[c] < 32) out = out sprintf("\\u%04x", ordinal[c])
    else out = out c
  }
  return out
}
