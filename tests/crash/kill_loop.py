#!/usr/bin/env python3
"""Kills the daemon of a real mount while several writers fsync, again and again, and compares.

Usage:  kill_loop.py MENDFS STORE MOUNTPOINT KILLS SEED
Needs:  a store with `node Item { k: String @key, n: I64 }`, not mounted
Does:   mounts; each writer notes what it is about to do in expected.log, does it, fsyncs and notes
        that it was acknowledged; the daemon gets SIGKILL at any moment; the store is checked without
        writing, mounted and compared with the log: nothing that was acknowledged may be missing, and
        everything is as it was before some step or behind it.
Gives:  "figure NAME VALUE" lines; ends the daemon that it started, and unmounts
Exit:   0 nothing was lost; 1 something was, and what
"""

import hashlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time

WRITERS = 4
SLOTS = 3
ENDED_SECONDS_MAX = 30
GONE = {107, 103, 5, 2, 9, 116}  # what a dying mount answers


def content(name, version):
    """The bytes of one version of a file, which no other version has."""
    seed = hashlib.sha256(f"{name} {version}".encode()).digest()
    size = 1 + int.from_bytes(seed[:4], "little") % (120_000 if seed[4] % 8 == 0 else 3_000)
    return f"{version}\n".encode() + (seed * (size // len(seed) + 1))[:size]


class Slot:
    """A file or row that one writer owns: its version is between `done` and `begun`."""

    def __init__(self, kind, name):
        self.kind, self.name = kind, name
        self.done = self.begun = 0  # 0: not there


class Loop:
    def __init__(self, mendfs, store, mnt, seed):
        self.mendfs, self.store, self.mnt = mendfs, store, mnt
        self.random = random.Random(seed)
        self.log = open("expected.log", "w", encoding="utf-8")
        self.log_lock = threading.Lock()
        self.stop = threading.Event()
        self.slots = [[Slot(kind, f"{kind}{writer}.{slot}")
                       for slot in range(SLOTS) for kind in ("replace", "append", "row")]
                      for writer in range(WRITERS)]
        self.acknowledged = 0
        self.problems = []

    def note(self, what, slot, version):
        with self.log_lock:
            self.log.write(f"{what} {slot.name} {version}\n")
            self.log.flush()
            self.acknowledged += what == "acknowledged"

    # ------------------------------------------------------------------------------ one step
    def path(self, slot):
        if slot.kind == "row":
            return f"{self.mnt}/nodes/Item/{slot.name}.json"
        return f"{self.mnt}/files/{slot.name}"

    def write(self, path, flags, data):
        file = os.open(path, flags, 0o644)
        try:
            while data:
                data = data[os.write(file, data):]
            os.fsync(file)
        finally:
            os.close(file)

    def step(self, slot):
        version = slot.begun + 1
        self.note("begin", slot, version)
        slot.begun = version
        path = self.path(slot)
        if slot.kind == "append":
            self.write(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, f"{version:08}\n".encode())
        elif slot.kind == "row":
            text = json.dumps({"n": version}) + "\n"
            self.write(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, text.encode())
        else:
            self.write(path + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC,
                       content(slot.name, version))
            os.rename(path + ".new", path)
            directory = os.open(f"{self.mnt}/files", os.O_RDONLY)
            try:
                os.fsync(directory)
            finally:
                os.close(directory)
        slot.done = version
        self.note("acknowledged", slot, version)

    def writer(self, slots, seed):
        rng = random.Random(seed)
        while not self.stop.is_set():
            try:
                self.step(rng.choice(slots))
            except OSError as error:
                if error.errno not in GONE:
                    self.problems.append(f"a writer met {error}")
                return

    # ------------------------------------------------------------------------------- compare
    def version_of(self, slot):
        """What is there; None: no version at all."""
        try:
            with open(self.path(slot), "rb") as file:
                data = file.read()
        except FileNotFoundError:
            return 0
        if slot.kind == "append":
            lines = data.decode().split("\n")[:-1]
            whole = data == b"".join(b"%08d\n" % (i + 1) for i in range(len(lines)))
            return len(lines) if whole else None
        if slot.kind == "row":
            return json.loads(data)["n"]
        version = int(data.split(b"\n", 1)[0])
        return version if data == content(slot.name, version) else None

    def compare(self):
        for slot in (slot for slots in self.slots for slot in slots):
            try:
                version = self.version_of(slot)
            except (OSError, ValueError, KeyError) as error:
                self.problems.append(f"{slot.name}: cannot be read: {error}")
                continue
            # An append makes its file first; empty, it stands for nothing.
            if version is None or not slot.done <= version <= slot.begun:
                self.problems.append(f"{slot.name}: found version {version}, acknowledged "
                                     f"{slot.done}, begun {slot.begun}")
                continue
            slot.done = slot.begun = version

    # -------------------------------------------------------------------------------- rounds
    def run(self, *command):
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        if done.returncode != 0:
            self.problems.append(f"{' '.join(command)}: {done.stdout}{done.stderr}")
        return done.returncode == 0

    def daemon(self):
        with open(f"{self.store}/LOCK", encoding="utf-8") as lock:
            return int(re.match(r"pid (\d+) ", lock.read()).group(1))

    def ended(self, pid):
        for _ in range(ENDED_SECONDS_MAX * 20):
            try:
                with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
                    if stat.read().rsplit(")", 1)[1].split()[0] == "Z":
                        return True
            except (FileNotFoundError, ProcessLookupError):
                return True
            time.sleep(0.05)
        self.problems.append(f"the killed daemon {pid} has not ended")
        return False

    def round(self):
        self.stop.clear()
        threads = [threading.Thread(target=self.writer, args=(slots, self.random.random()))
                   for slots in self.slots]
        pid = self.daemon()
        for thread in threads:
            thread.start()
        time.sleep(self.random.uniform(0.02, 0.4))
        os.kill(pid, signal.SIGKILL)
        self.stop.set()
        for thread in threads:
            thread.join(ENDED_SECONDS_MAX)
            if thread.is_alive():
                self.problems.append("a writer hangs")
        self.ended(pid)
        subprocess.run(["umount", "-l", self.mnt], check=False)
        if not self.run(self.mendfs, "fsck", "-n", "--data", self.store):
            return
        if self.run(self.mendfs, "mount", self.store, self.mnt):
            self.compare()


def main():
    mendfs, store, mnt, kills, seed = sys.argv[1:]
    loop = Loop(mendfs, store, mnt, int(seed))
    done = 0
    try:
        loop.run(mendfs, "mount", store, mnt)
        while done < int(kills) and not loop.problems:
            loop.round()
            done += 1
    finally:
        if os.path.ismount(mnt):
            loop.run(mendfs, "umount", mnt)
    if not loop.problems:
        loop.run(mendfs, "fsck", "-n", "--data", store)
    for problem in loop.problems:
        print(f"kill {done}: {problem}", file=sys.stderr)
    print(f"figure kills {done}")
    print(f"figure acknowledged_under_kills {loop.acknowledged}")
    lost = sum("found version" in problem for problem in loop.problems)
    print(f"figure lost_acknowledgements {lost}")
    sys.exit(1 if loop.problems else 0)


if __name__ == "__main__":
    main()
