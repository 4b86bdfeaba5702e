"""Checks that need a tool: every header compiles alone; the layout is clang-format's."""

import concurrent.futures
import hashlib
import os
import re
import shutil
import subprocess

import rules
from checks import Finding
from tree import includes

COMPILER = os.environ.get("CXX", "g++")
FLAGS = ["-std=c++20", "-fsyntax-only", "-x", "c++", "-Wall", "-Wextra", "-Wpedantic", "-Wshadow",
         "-Werror", "-Wno-missing-field-initializers"]


def _output(command):
    try:
        return subprocess.run(command, capture_output=True, text=True).stdout
    except OSError:
        return ""


def _with_includes(tree, path, seen):
    """`path` and everything of ours that it includes, directly or not."""
    if path in seen or path not in tree.paths:
        return
    seen.add(path)
    for _, header, is_quoted in includes(tree.text(path)):
        if is_quoted:
            _with_includes(tree, header, seen)


def check_headers_alone(tree):
    """Compiles each header by itself; a stamp in build/ remembers what compiled before."""
    flags = FLAGS + ["-I", tree.root] + _output(["pkg-config", "--cflags", "fuse3"]).split()
    version = _output([COMPILER, "--version"])
    stamps = os.path.join(tree.root, "build", "house")

    def compile_one(path):
        seen = set()
        _with_includes(tree, path, seen)
        digest = hashlib.sha256("\0".join([version, *flags]).encode())
        for name in sorted(seen):
            digest.update(f"{name}\0{tree.text(name)}\0".encode())
        stamp = os.path.join(stamps, digest.hexdigest())
        if os.path.exists(stamp):
            return None
        done = subprocess.run([COMPILER, *flags, "-"], cwd=tree.root, capture_output=True, text=True,
                              input=f'#include "{path}"\n')
        if done.returncode == 0:
            os.makedirs(stamps, exist_ok=True)
            open(stamp, "w", encoding="utf-8").close()
            return None
        first = next((l for l in done.stderr.split("\n") if "error" in l), done.stderr[:200])
        return Finding(path, 1, f"does not compile alone: {first}")

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        yield from (found for found in pool.map(compile_one, tree.code(".h")) if found)


def format_tool():
    """(path, None), or (None, why not)."""
    names = [f"clang-format-{rules.CLANG_FORMAT_MAJOR}", "clang-format"]
    path = next((p for p in map(shutil.which, names) if p), None)
    if path is None:
        return None, "clang-format is not installed"
    match = re.search(r"version (\d+)", _output([path, "--version"]))
    if not match or int(match[1]) != rules.CLANG_FORMAT_MAJOR:
        return None, f"the layout is judged with clang-format {rules.CLANG_FORMAT_MAJOR} only"
    return path, None


def check_format(tree):
    path, _ = format_tool()
    sources = tree.code(".h", ".cc")
    if path is None or not sources:
        return
    done = subprocess.run([path, "--dry-run", "-Werror", "--style=file", *sources],
                          cwd=tree.root, capture_output=True, text=True)
    reported = set()
    for match in re.finditer(r"^([^:\s]+):(\d+):\d+: error", done.stderr, re.M):
        if match[1] not in reported:
            reported.add(match[1])
            yield Finding(match[1], int(match[2]), "not laid out as .clang-format says")
    if done.returncode != 0 and not reported:
        yield Finding(".clang-format", 1, done.stderr.strip()[:300])
