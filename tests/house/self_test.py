#!/usr/bin/env python3
"""Plants one violation of each rule in a small tree: the check that owns the rule must see it, and
the tree without it must be clean. A check that cannot fail is no check."""

import os
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from checks import CHECKS  # noqa: E402
from compile import check_format, check_headers_alone, format_tool  # noqa: E402
from tree import Tree  # noqa: E402

CLEAN = {
    "README.md": "# A tree\n\nSee [the map](docs/map.md#the-rooms).\n",
    "docs/map.md": "# Map\n\n## The rooms\n",
    "meta/base/status.h": "// A status.\n#pragma once\n\n#include <string>\n",
    "meta/store.h": '// A door.\n#pragma once\n\n#include "meta/base/status.h"\n',
    "meta/commit/publish.h":
        '// Publishing.\n#pragma once\n\n#include "meta/base/status.h"\n',
    "fs/view/row.h": '// A row.\n#pragma once\n\n#include "meta/store.h"\n',
    "fs/view/twin.h": "// A twin.\n#pragma once\nstruct Twin {\n  int right;\n};\n",
    "fs/view/shy.cc": "namespace {\nstruct Twin {\n  int own;\n};\n}  // namespace\n",
    "fs/kernel/call.cc": "#include <cerrno>\nint Call() { return errno; }\n",
}

# (check, file to add or replace, its text, the words that the finding holds)
PLANTED = [
    ("layers", "fs/view/deep.h",
     '// Too deep.\n#pragma once\n#include "meta/commit/publish.h"\n', "may not include meta/commit"),
    ("layers", "meta/base/up.h",
     '// Upwards.\n#pragma once\n#include "meta/commit/publish.h"\n', "may not include"),
    ("layers", "reconcile/check/peek.cc", '#include "fs/view/row.h"\n', "may not include fs/view"),
    ("layers", "fs/view/near.cc", '#include "row.h"\n', "by its path from the root"),
    ("layers", "fs/extra/room.h", "// A room that nobody agreed.\n#pragma once\n", "layer table"),
    ("third-party", "fs/view/fuse.cc", "#include <fuse3/fuse_lowlevel.h>\n", "libfuse"),
    ("third-party", "meta/object/db.cc", "#include <leveldb/db.h>\n", "LevelDB"),
    ("third-party", "meta/table/json.h",
     "// JSON in a header.\n#pragma once\n#include <nlohmann/json.hpp>\n", "nlohmann"),
    ("third-party", "meta/disk/new.cc", "#include <zstd.h>\n", "third-party table"),
    ("errno", "meta/tree/number.cc", "int Number() { return errno; }\n", "errno"),
    ("header-shape", "meta/base/twice.h", "// No guard.\n", "#pragma once"),
    ("header-shape", "meta/base/mute.h", "#pragma once\n", "paragraph"),
    ("header-shape", "meta/base/wide.h", "// Wide.\n#pragma once\nusing namespace std;\n", "using"),
    ("names", "notes.txt", "notes\n", "top level"),
    ("names", "meta/base/CamelFile.cc", "\n", "snake_case"),
    ("one-definition", "meta/base/twin.cc", "struct Twin {\n  int left;\n};\n", "also a type"),
    ("words", "meta/base/later.cc", "// TO" "DO: later\n", "the word"),
    ("words", "docs/space.md", "a line \n", "space at the end"),
    ("links", "docs/broken.md", "[gone](nowhere.md)\n", "leads nowhere"),
    ("links", "docs/anchor.md", "[gone](map.md#attic)\n", "no heading"),
    ("links", "meta/base/says.h", "// See docs/attic.md.\n#pragma once\n", "no docs/attic.md"),
    ("sizes", "meta/base/long.cc", "int number;\n" * 601, "601 lines"),
    ("sizes", "meta/base/tall.cc",
     "int Tall() {\n" + "  Step();\n" * 75 + "  return 0;\n}\n", "in one function"),
    ("sizes", "meta/base/wide_door.h",
     "// Wide.\n#pragma once\nclass Door {\n" +
     "".join(f"  virtual void M{i}() = 0;\n" for i in range(13)) + "};\n", "13 methods"),
    ("headers-alone", "meta/base/needy.h",
     "// Needs a friend.\n#pragma once\nstd::string Name();\n", "does not compile alone"),
    ("format", "meta/base/ugly.cc", "int   Ugly( ) {return 1 ;}\n", "laid out"),
]

ALL = {**CHECKS, "headers-alone": check_headers_alone, "format": check_format}


def write(root, files):
    for path, text in files.items():
        full = os.path.join(root, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8") as file:
            file.write(text)


class HouseTest(unittest.TestCase):
    def findings(self, name, extra):
        with tempfile.TemporaryDirectory() as root:
            write(root, {**CLEAN, ".clang-format": "BasedOnStyle: Google\n", **extra})
            return [str(finding) for finding in ALL[name](Tree(root))]

    def test_a_clean_tree_has_no_findings(self):
        for name in ALL:
            with self.subTest(check=name):
                self.assertEqual(self.findings(name, {}), [])

    def test_every_check_has_a_planted_violation(self):
        self.assertEqual({planted[0] for planted in PLANTED}, set(ALL))

    def test_a_planted_violation_is_found(self):
        for name, path, text, words in PLANTED:
            with self.subTest(check=name, path=path):
                if name == "format" and not format_tool()[0]:
                    self.skipTest(format_tool()[1])
                found = self.findings(name, {path: text})
                self.assertTrue(any(words in line and path in line for line in found), found)

    def test_comments_and_strings_are_not_code(self):
        text = '// errno\nconst char* kText = "errno";\n/* errno */\n'
        self.assertEqual(self.findings("errno", {"meta/tree/words.cc": text}), [])


if __name__ == "__main__":
    unittest.main(verbosity=1)
