#!/usr/bin/env python3
"""Prints what a ctest run found: the failures with the end of their output, why tests were skipped,
and the counts as the last line.

Usage:  summary.py RESULTS.xml      as ctest --output-junit writes it
Exit:   0 if something passed and nothing failed, else 1
"""

import sys
import xml.etree.ElementTree

OUTPUT_LINES_MAX = 80


def main():
    passed, failed, skipped = 0, [], []
    for case in xml.etree.ElementTree.parse(sys.argv[1]).getroot().iter("testcase"):
        status = case.get("status")
        output = (case.findtext("system-out") or "").rstrip().split("\n")
        if case.find("skipped") is not None or status in ("notrun", "disabled"):
            # A test program that is not there was not skipped on purpose.
            reason = case.find("skipped")
            message = reason.get("message", "") if reason is not None else ""
            if "SKIP" not in message and status != "disabled":
                failed.append((case.get("name"), [message] + output))
            else:
                skipped.append((case.get("name"), output[-1] if output else ""))
        elif status == "run":
            passed += 1
        else:
            failed.append((case.get("name"), output))

    for name, output in failed:
        print(f"\nfailed: {name}")
        print("\n".join("  " + line for line in output[-OUTPUT_LINES_MAX:]))
    if failed:
        print()
    for name, reason in skipped:
        print(f"skipped: {name}: {reason.strip()}")
    print(f"{passed} passed, {len(failed)} failed, {len(skipped)} skipped")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
