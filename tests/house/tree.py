"""The source tree that the house rules look at: which files there are, and their text."""

import os
import re
import subprocess


class Tree:
    """Files that belong to the project, by path relative to the root, in sorted order."""

    def __init__(self, root):
        self.root = os.path.abspath(root)
        self.paths = self._from_git() or self._from_walk()
        self._texts = {}

    def _from_git(self):
        if not os.path.exists(os.path.join(self.root, ".git")):
            return []
        try:
            listed = subprocess.run(
                ["git", "-C", self.root, "ls-files", "-z", "-co", "--exclude-standard"],
                check=True, capture_output=True).stdout
        except (OSError, subprocess.CalledProcessError):
            return []
        names = sorted(set(name.decode() for name in listed.split(b"\0") if name))
        return [name for name in names if os.path.isfile(os.path.join(self.root, name))]

    def _from_walk(self):
        found = []
        for folder, folders, files in os.walk(self.root):
            top = folder == self.root
            folders[:] = [f for f in folders if f not in (".git", ".cache", "__pycache__")
                          and not (top and re.match(r"build(-|$)", f))]
            found += [os.path.relpath(os.path.join(folder, f), self.root) for f in files]
        return sorted(found)

    def text(self, path):
        if path not in self._texts:
            with open(os.path.join(self.root, path), encoding="utf-8", errors="replace") as file:
                self._texts[path] = file.read()
        return self._texts[path]

    def code(self, *endings):
        """Sources in the code folders, for example tree.code(".h", ".cc")."""
        return [p for p in self.paths
                if p.endswith(endings) and p.split("/")[0] in
                ("fs", "meta", "reconcile", "mount-tools", "tests", "bench")]

    def exists(self, path):
        return os.path.exists(os.path.join(self.root, path))


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def includes(text):
    """(line, header, is_quoted) for every #include."""
    pattern = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:"([^"]+)"|<([^>]+)>)', re.M)
    for match in pattern.finditer(text):
        yield line_of(text, match.start()), match[1] or match[2], match[1] is not None


_NOT_CODE = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"([^()\\ ]*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])\'', re.S)


def without_comments(text):
    """The same lines with comments and the insides of strings blanked."""
    return _NOT_CODE.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)
