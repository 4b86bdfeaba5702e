"""The rules of the house as tables; house.py checks them, docs/architecture.md explains them."""

# ------------------------------------------------------------------------------------ layers
# folder -> folders whose headers it may include, besides its own. "meta" stands for the doors: the
# headers directly in meta/. A folder that is not listed takes the rule of the longest listed prefix.
_CODEC = {"meta/base", "meta/codec"}
_DISK = _CODEC | {"meta/disk"}
_OBJECT = _DISK | {"meta/object"}
_MANIFEST = _OBJECT | {"meta/journal", "meta/manifest", "meta/manifest/kv"}
_PACK = _OBJECT | {"meta/pack"}
_TABLE = _MANIFEST | {"meta/table/schema", "meta/table"}
_COMMIT = _TABLE | _PACK | {"meta/tree", "meta/commit", "meta/commit/space"}
_DOORS = _CODEC | {"meta"}
_PLANE = _DOORS | {"fs/view", "fs/ops/plane"}
_OPS = _PLANE | {"fs/ops/planes", "fs/ops/rows", "fs/ops/tables", "fs/ops/views", "fs/ops"}
_FS = _OPS | {"fs/kernel"}
_RECONCILE = _DOORS | {"reconcile"}
_TOOLS = _FS | _RECONCILE | {"meta/disk", "mount-tools/verbs"}

MAY_INCLUDE = {
    "meta/base": set(),
    "meta/codec": {"meta/base"},
    "meta/disk": _CODEC,
    "meta/journal": _DISK,
    "meta/object": _DISK,
    "meta/manifest/kv": _DISK,
    "meta/manifest": _OBJECT | {"meta/journal", "meta/manifest/kv"},
    "meta/pack": _OBJECT,
    "meta/tree": _MANIFEST | {"meta/pack"},
    "meta/table/schema": _MANIFEST,
    "meta/table": _MANIFEST | {"meta/table/schema"},
    "meta/table/select": _TABLE,
    "meta/commit/history": _MANIFEST | {"meta"},
    "meta/commit/space": _MANIFEST | _PACK | {"meta/tree", "meta"},
    "meta/commit": _TABLE | _PACK
    | {"meta/tree", "meta/commit/history", "meta/commit/space", "meta"},
    "meta/commit/intent": _COMMIT | {"meta"},
    "meta/commit/load": _COMMIT | {"meta", "meta/commit/intent"},
    "meta/commit/migrate": _COMMIT | {"meta", "meta/commit/intent", "meta/commit/load"},
    "meta": _COMMIT | {"meta/commit/history", "meta/commit/load", "meta/commit/migrate",
                       "meta/commit/intent", "meta/table/select"},
    "meta/diff": _COMMIT | {"meta", "meta/table/text"},
    "fs/view": _DOORS,
    "fs/ops/plane": _DOORS | {"fs/view"},
    "fs/ops/planes": _PLANE,
    "fs/ops/rows": _PLANE | {"fs/ops/planes"},
    "fs/ops/tables": _PLANE | {"fs/ops/planes"},
    "fs/ops/views": _PLANE | {"fs/ops/planes", "fs/ops/rows"},
    "fs/ops": _OPS,
    "fs/kernel": _OPS,
    "reconcile": _RECONCILE,
    "mount-tools/verbs": _TOOLS,
    "mount-tools/mounting": _TOOLS,
    "mount-tools/control": _TOOLS | {"mount-tools/mounting"},
    "mount-tools": _TOOLS | {"mount-tools/mounting", "mount-tools/control"},
    "tests": None,  # None: anything
    "bench": None,
}

# ------------------------------------------------------------------------- third-party doors
# (library, headers, places that may include them). A place is a regular expression over paths.
THIRD_PARTY = [
    # bench/floor.cc is the yardstick that a mount is measured against, never linked to the product.
    ("libfuse", r"fuse(3/|_|\.h)|linux/fuse\.h", [r"fs/kernel/", r"bench/floor\.cc$"]),
    ("LevelDB's table format", r"leveldb/(table|table_builder|iterator|options|slice|status|env"
     r"|comparator|filter_policy|cache)\.h", [r"meta/manifest/", r"meta/object/", r"meta/pack/block_cache\.cc$"]),
    ("LevelDB", r"leveldb/", [r"meta/manifest/kv/"]),
    ("OpenSSL", r"openssl/", [r"meta/codec/hash\.cc$"]),
    ("xxHash", r"xxhash\.h|xxh", [r"meta/codec/hash\.cc$"]),
    ("spdlog", r"spdlog/", [r"meta/base/log\.cc$"]),
    ("Boost.Filesystem", r"boost/filesystem", [r"meta/disk/"]),
    ("Boost.Asio", r"boost/asio", [r"mount-tools/"]),
    ("CLI11", r"CLI/", [r"mount-tools/"]),
    ("RE2", r"re2/", [r"meta/table/.*\.cc$"]),
    ("simdjson", r"simdjson", [r"(meta|fs/view|mount-tools)/.*\.cc$"]),
    ("nlohmann-json", r"nlohmann/", [r"(meta|fs/view|fs/ops|reconcile|mount-tools)/.*\.cc$"]),
    ("GoogleTest", r"(gtest|gmock)/", []),
]
# Tests and benchmarks include what they compare with.
THIRD_PARTY_EXEMPT = r"(tests|bench)/"

# What the C++ standard and the operating system bring, beyond names without a dot or a slash.
SYSTEM_HEADERS = (
    r"(sys|linux|asm|netinet|arpa)/[a-z0-9_]+\.h|"
    r"(dirent|endian|errno|fcntl|fnmatch|grp|limits|mntent|poll|pthread|pwd|sched|semaphore|signal|"
    r"[a-z]+intrin|arm_neon|spawn|string|syslog|termios|time|unistd|utime|xlocale|dlfcn)\.h"
)

# errno is read where the operating system is called and spoken to the kernel; nowhere between.
ERRNO_PLACES = r"(meta/disk|fs/kernel|mount-tools|tests|bench)/|meta/codec/hash\.cc$"

# ------------------------------------------------------------------------------------- names
TOP_LEVEL = {
    "CMakeLists.txt", "CMakePresets.json", "LICENSE", "README.md",
    "fs", "meta", "reconcile", "mount-tools", "tests", "bench", "docs",
}
CODE_FOLDERS = ("fs", "meta", "reconcile", "mount-tools", "tests", "bench")
# Words that promise instead of stating.
FORBIDDEN_WORDS = r"\b(TODO|FIXME|XXX|(?i:placeholder))\b"
# Files whose text breaks rules on purpose.
TEXT_EXEMPT = r"tests/house/(rules|self_test)\.py$|LICENSE$"

# ----------------------------------------------------------------------- sizes, as warnings
FILE_LINES_MAX = 600
FUNCTION_LINES_MAX = 70
FOLDER_UNITS_MAX = 12     # a .h and its .cc are one
INTERFACE_METHODS_MAX = 12
DOCS_COLUMNS_MAX = 100

# .clang-format is judged with this major version; others lay out a few things differently.
CLANG_FORMAT_MAJOR = 14
