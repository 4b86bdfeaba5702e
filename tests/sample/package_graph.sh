#!/bin/bash
# package_graph against small lists whose graph is written down here, then against the same lists
# compressed, and source_graph against a small tree.
set -euo pipefail

sample=$MENDFS_SOURCE/mount-tools/sample
mkdir lists empty

cat >status <<'END'
Package: shell
Status: install ok installed
Architecture: amd64
Version: 5.2-1
Installed-Size: 7163
Maintainer: "Ann O. Tate" <ann@example.org>
Pre-Depends: libc (>= 2.36), libtinfo (>= 6)
Depends: base:any, libc (>= 2.30)
Suggests: docs | manual (<< 2~) | manual-2
Description: a "shell" with a \ in it
 Depends: not-a-field
Conffiles:
 /etc/profile 0123

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1

Package: libc
Status: hold ok installed
Architecture: i386
Version: 9.9

Package: libc
Status: install ok installed
Architecture: amd64
Version: 2.36
Description: the native one wins
END
cat >lists/a_Packages <<'END'
Package: shell
Architecture: amd64
Version: 9.0
Depends: never-looked-at

Package: tool
Architecture: all
Version: 1.10~rc1
Maintainer: ann@example.org
Depends: libc

Package: tool
Architecture: all
Version: 1.9
Depends: older
END
# The newest of the tool's versions stands in another list, with a folded field and a bad byte.
printf '%s\n' 'Package: tool' 'Architecture: all' 'Version: 1.10' 'Maintainer: A Team' \
  'Depends: tool,' ' mail-agent' 'Size: 123' 'Installed-Size: unknown' 'Homepage: http://x/?a=1' \
  $'Description: caf\xc3\xa9 \xff tab\there' '' \
  'Package: mailer' 'Architecture: amd64' 'Version: 1:0.1' 'Maintainer: Ann <ann@example.org>' \
  'Provides: mail-agent (= 1), unasked, tool' >lists/b_Packages

cat >want <<'END'
{"type":"Package","data":{"name":"shell","version":"5.2-1","architecture":"amd64","summary":"a \"shell\" with a \\ in it","installed":true,"virtual":false,"installed_size_kib":7163}}
{"edge":"MaintainedBy","from":"shell","to":"ann@example.org"}
{"edge":"DependsOn","from":"shell","to":"libc","data":{"kind":"pre_depends","constraint":">= 2.36"}}
{"edge":"DependsOn","from":"shell","to":"libtinfo","data":{"kind":"pre_depends","constraint":">= 6"}}
{"edge":"DependsOn","from":"shell","to":"base","data":{"kind":"depends"}}
{"edge":"DependsOn","from":"shell","to":"libc","n":2,"data":{"kind":"depends","constraint":">= 2.30"}}
{"edge":"DependsOn","from":"shell","to":"docs","data":{"kind":"suggests"}}
{"edge":"DependsOn","from":"shell","to":"manual","data":{"kind":"suggests","constraint":"<< 2~","instead_of":"docs"}}
{"edge":"DependsOn","from":"shell","to":"manual-2","data":{"kind":"suggests","instead_of":"docs"}}
{"type":"Package","data":{"name":"libc","version":"2.36","architecture":"amd64","summary":"the native one wins","installed":true,"virtual":false}}
{"type":"Package","data":{"name":"tool","version":"1.10","architecture":"all","summary":"café  tab\u0009here","homepage":"http://x/?a=1","installed":false,"virtual":false,"download_bytes":123}}
{"edge":"MaintainedBy","from":"tool","to":"A Team"}
{"edge":"DependsOn","from":"tool","to":"tool","data":{"kind":"depends"}}
{"edge":"DependsOn","from":"tool","to":"mail-agent","data":{"kind":"depends"}}
{"type":"Package","data":{"name":"mailer","version":"1:0.1","architecture":"amd64","installed":false,"virtual":false}}
{"edge":"MaintainedBy","from":"mailer","to":"ann@example.org"}
{"type":"Maintainer","data":{"email":"ann@example.org","name":"Ann O. Tate"}}
{"type":"Maintainer","data":{"email":"A Team","name":"A Team"}}
{"type":"Package","data":{"name":"libtinfo","installed":false,"virtual":true}}
{"type":"Package","data":{"name":"base","installed":false,"virtual":true}}
{"type":"Package","data":{"name":"docs","installed":false,"virtual":true}}
{"type":"Package","data":{"name":"manual","installed":false,"virtual":true}}
{"type":"Package","data":{"name":"manual-2","installed":false,"virtual":true}}
{"type":"Package","data":{"name":"mail-agent","installed":false,"virtual":true}}
{"edge":"Provides","from":"mailer","to":"mail-agent","data":{"version":"1"}}
{"edge":"Provides","from":"mailer","to":"tool"}
END

"$sample/package_graph" --status status --lists lists --arch amd64 >got
diff -u want got
jq -e . got >jq_reads_every_line

gzip lists/*
"$sample/package_graph" --status status --lists lists --arch amd64 | diff -u want -

"$sample/package_graph" --status status --lists empty --arch amd64 >installed_only
[[ $(jq -r 'select(.data.virtual == false).data.name' installed_only | tr '\n' ' ') == "shell libc " ]]

echo garbage >lists/c_Packages.gz
if "$sample/package_graph" --status status --lists lists >/dev/null 2>message; then
  echo "a list that cannot be read was passed over"
  exit 1
fi
grep -q 'could not be read' message

# The order of versions, judged by dpkg itself where there is one.
if command -v dpkg >/dev/null; then
  versions=(1 1.0 1.0-1 1.0-1~ 1.0~rc1 1.0+b1 0:1.0 1:0.1 1.10 1.9 1.09 1a 1.a 1-0 a '~' 1~~ 1~~a
            20240101000000000000001 20240101000000000000002 2.0.ds+1 2.0-ds-1)
  for a in "${versions[@]}"; do
    for b in "${versions[@]}"; do
      printf '%s %s ' "$a" "$b"
      if dpkg --compare-versions "$a" lt "$b"; then echo -1
      elif dpkg --compare-versions "$a" gt "$b"; then echo 1
      else echo 0; fi
    done
  done 2>/dev/null >dpkg_says
  echo '{ order = CompareVersions($1, $2); print $1, $2, (order < 0 ? -1 : (order > 0)) }' >compare.awk
  LC_ALL=C awk -f "$sample/versions.awk" -f compare.awk dpkg_says | diff -u dpkg_says -
fi

mkdir -p tree/lib tree/build/x tree/.hidden
printf '#include "lib/b.h"\n#include <vector>\n  # include "lib/b.h"\n#include "gone.h"\n' >tree/a.cc
printf '#include "c.h"\n' >tree/lib/b.h
printf '\0\1\2' >tree/lib/c.h
echo '#!/bin/sh' >tree/go
touch tree/empty.md tree/build/x/y.cc tree/.hidden/z.cc 'tree/we"ird.cc'
cat >want_source <<'END'
{"type":"File","data":{"path":"a.cc","folder":"","name":"a.cc","kind":"source","lines":4,"bytes":77}}
{"edge":"Includes","from":"a.cc","to":"lib/b.h","data":{"line":1}}
{"edge":"Includes","from":"a.cc","to":"lib/b.h","n":2,"data":{"line":3}}
{"type":"File","data":{"path":"empty.md","folder":"","name":"empty.md","kind":"document","lines":0,"bytes":0}}
{"type":"File","data":{"path":"go","folder":"","name":"go","kind":"script","lines":1,"bytes":10}}
{"type":"File","data":{"path":"lib/b.h","folder":"lib","name":"b.h","kind":"header","lines":1,"bytes":15}}
{"edge":"Includes","from":"lib/b.h","to":"lib/c.h","data":{"line":1}}
{"type":"File","data":{"path":"lib/c.h","folder":"lib","name":"c.h","kind":"header","lines":1,"bytes":3}}
END
"$sample/source_graph" tree | diff -u want_source -
