"""The checks. Each takes a Tree and yields Finding values; warnings do not fail the build."""

import os
import re
from typing import NamedTuple

import rules
from tree import includes, line_of, without_comments


class Finding(NamedTuple):
    path: str
    line: int
    text: str
    is_warning: bool = False

    def __str__(self):
        return f"{self.path}:{self.line}: {self.text}"


def _rule_folder(folder):
    """The longest prefix of `folder` that the layer table lists, or None."""
    while folder and folder not in rules.MAY_INCLUDE:
        folder = folder.rpartition("/")[0]
    return folder or None


def check_layers(tree):
    for path in tree.code(".h", ".cc"):
        own = _rule_folder(os.path.dirname(path))
        if own is None:
            yield Finding(path, 1, "this folder is in no line of the layer table")
            continue
        allowed = rules.MAY_INCLUDE[own]
        for line, header, is_quoted in includes(tree.text(path)):
            if not is_quoted:
                continue
            if "/" not in header:
                yield Finding(path, line, f'"{header}": name it by its path from the root')
                continue
            target = _rule_folder(os.path.dirname(header))
            if allowed is None or target == own:
                continue
            if target is None:
                yield Finding(path, line, f'"{header}" is no header of ours')
            elif target not in allowed:
                yield Finding(path, line, f"{own} may not include {target} ({header})")


def check_third_party(tree):
    for path in tree.code(".h", ".cc"):
        if re.match(rules.THIRD_PARTY_EXEMPT, path):
            continue
        for line, header, is_quoted in includes(tree.text(path)):
            if is_quoted or re.fullmatch(r"[a-z_0-9]+", header):
                continue
            known = [(name, places) for name, pattern, places in rules.THIRD_PARTY
                     if re.match(pattern, header)]
            if known:
                if not any(re.match(place, path) for _, places in known for place in places):
                    yield Finding(path, line, f"{known[0][0]} ({header}) has another door")
            elif not re.fullmatch(rules.SYSTEM_HEADERS, header):
                yield Finding(path, line, f"<{header}> is in no line of the third-party table")


def check_errno(tree):
    for path in tree.code(".h", ".cc"):
        if re.match(rules.ERRNO_PLACES, path):
            continue
        text = without_comments(tree.text(path))
        for match in re.finditer(r"\berrno\b(?!\.h)", text):
            yield Finding(path, line_of(text, match.start()), "errno is not read here")


def check_headers_shape(tree):
    for path in tree.code(".h"):
        text = tree.text(path)
        if "#pragma once" not in text:
            yield Finding(path, 1, "a header begins with #pragma once")
        if not text.startswith("//"):
            yield Finding(path, 1, "a header begins with a paragraph saying what it is")
        match = re.search(r"^\s*using namespace", without_comments(text), re.M)
        if match:
            yield Finding(path, line_of(text, match.start()), "no using namespace in a header")


def check_names(tree):
    for path in tree.paths:
        top, name = path.split("/")[0], os.path.basename(path)
        if not top.startswith(".") and top not in rules.TOP_LEVEL:
            yield Finding(path, 1, f"{top} is not agreed for the top level")
        if name.endswith((".h", ".cc")) and not re.fullmatch(r"[a-z0-9_]+\.(h|cc)", name):
            yield Finding(path, 1, "C++ files are named in snake_case")


def _is_binary(text):
    return "\0" in text or "\ufffd" in text


def _shared_types(text):
    """(line, name) for every type defined where other files could see it or clash with it."""
    nameless = False
    for number, line in enumerate(text.split("\n"), 1):
        if re.match(r"namespace \{", line):
            nameless = True
        elif re.match(r"\}  // namespace$", line):
            nameless = False
        match = re.match(r"(?:class|struct)(?: \w+\([^)]*\))? (\w+)(?: final)?(?: :[^{]*)? \{", line)
        if match and not nameless:
            yield number, match[1]


def check_one_definition(tree):
    """There is one namespace: two types of one name would be merged by the linker without a word."""
    seen = {}
    for path in tree.code(".h", ".cc"):
        if path.startswith(("tests/", "bench/")):
            continue
        for line, name in _shared_types(tree.text(path)):
            if seen.setdefault(name, path) != path:
                yield Finding(path, line, f"{name} is also a type of {seen[name]}")


def check_words(tree):
    for path in tree.paths:
        text = tree.text(path)
        if re.match(rules.TEXT_EXEMPT, path) or _is_binary(text):
            continue
        for match in re.finditer(rules.FORBIDDEN_WORDS, text):
            yield Finding(path, line_of(text, match.start()), f"the word {match[0]}")
        for match in re.finditer(r"[ \t]+$", text, re.M):
            yield Finding(path, line_of(text, match.start()), "space at the end of a line")


def _anchors(text):
    for heading in re.findall(r"^#+ +(.*)$", text, re.M):
        plain = re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
        yield re.sub(r" ", "-", re.sub(r"[^\w\- ]", "", plain))


def check_links(tree):
    """Links between documents, and pages that comments name."""
    for path in tree.paths:
        if re.match(rules.TEXT_EXEMPT, path):
            continue
        text = tree.text(path)
        if path.endswith(".md"):
            prose = re.sub(r"```.*?```", lambda m: re.sub(r"[^\n]", " ", m[0]), text, flags=re.S)
            for match in re.finditer(r"\]\(([^)\s]+)\)", prose):
                target, _, anchor = match[1].partition("#")
                if re.match(r"[a-z]+:", target):
                    continue
                page = os.path.normpath(os.path.join(os.path.dirname(path), target)) \
                    if target else path
                line = line_of(text, match.start())
                if not tree.exists(page):
                    yield Finding(path, line, f"the link to {match[1]} leads nowhere")
                elif anchor and page.endswith(".md") and anchor not in _anchors(tree.text(page)):
                    yield Finding(path, line, f"{page} has no heading #{anchor}")
        if path.endswith((".md", ".h", ".cc", ".sh", ".py", ".txt")):
            for match in re.finditer(r"\b(?:docs|bench|tests)/[\w/.-]*\.md\b", text):
                if not tree.exists(match[0]):
                    yield Finding(path, line_of(text, match.start()), f"there is no {match[0]}")


def check_sizes(tree):
    units = {}
    for path in tree.code(".h", ".cc", ".py", ".sh"):
        lines = tree.text(path).count("\n")
        units.setdefault(os.path.dirname(path), set()).add(os.path.splitext(path)[0])
        if lines > rules.FILE_LINES_MAX:
            yield Finding(path, 1, f"{lines} lines: find the second idea", True)
    for folder, names in sorted(units.items()):
        if len(names) > rules.FOLDER_UNITS_MAX and not folder.startswith(("tests", "bench")):
            yield Finding(folder, 1, f"{len(names)} units in one folder", True)
    for path in tree.code(".h", ".cc"):
        yield from _function_sizes(path, without_comments(tree.text(path)).split("\n"))


def _function_sizes(path, lines):
    """Relies on .clang-format: what stands outside a class begins and ends in the first column."""
    start = None
    pure_virtuals = 0
    for number, line in enumerate(lines, 1):
        if start is None and re.match(r"[A-Za-z].*\{\s*$", line) and "namespace" not in line:
            start, pure_virtuals = number, 0
        elif start is not None and "= 0;" in line:
            pure_virtuals += 1
        elif start is not None and line.startswith("}"):
            is_type = re.match(r"(class|struct|enum|union|template)\b", lines[start - 1])
            if not is_type and number - start > rules.FUNCTION_LINES_MAX:
                yield Finding(path, start, f"{number - start} lines in one function", True)
            if is_type and pure_virtuals > rules.INTERFACE_METHODS_MAX:
                yield Finding(path, start, f"{pure_virtuals} methods in one interface", True)
            start = None


CHECKS = {
    "layers": check_layers,
    "third-party": check_third_party,
    "errno": check_errno,
    "header-shape": check_headers_shape,
    "names": check_names,
    "one-definition": check_one_definition,
    "words": check_words,
    "links": check_links,
    "sizes": check_sizes,
}
