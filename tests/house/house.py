#!/usr/bin/env python3
"""Enforces the rules of the house over the source tree.

Usage:  house.py [--root DIR] [rules|headers|format|all]
Exit:   0 kept, 1 broken, 77 the check cannot run here (it says why)
"""

import argparse
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from checks import CHECKS  # noqa: E402
from compile import check_format, check_headers_alone, format_tool  # noqa: E402
from tree import Tree  # noqa: E402


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--root", default=os.path.join(here, "..", ".."))
    parser.add_argument("what", nargs="?", default="all",
                        choices=["rules", "headers", "format", "all"])
    arguments = parser.parse_args()
    tree = Tree(arguments.root)

    checks = []
    if arguments.what in ("rules", "all"):
        checks += CHECKS.items()
    if arguments.what in ("headers", "all"):
        checks.append(("headers-alone", check_headers_alone))
    if arguments.what in ("format", "all"):
        path, why_not = format_tool()
        if path:
            checks.append(("format", check_format))
        else:
            print(f"skip: {why_not}")
            if arguments.what == "format":
                return 77

    broken = warned = 0
    for name, check in checks:
        for finding in check(tree):
            print(f"{'warning' if finding.is_warning else 'broken'} [{name}] {finding}")
            broken += not finding.is_warning
            warned += finding.is_warning
    print(f"{len(tree.paths)} files, {len(checks)} checks, {broken} broken, {warned} warnings")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
