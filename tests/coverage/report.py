#!/usr/bin/env python3
# SPDX-FileCopyrightText: The Framewire authors
# SPDX-License-Identifier: BSL-1.0
"""What of some sources the programs of a build have run, which was made by g++ with --coverage.

A line or branch counts once, whatever number of times a template was instantiated, and is covered when
one instantiation has taken it. Left out: what exceptions of the standard library jump over, and blocks
under `if (std::is_constant_evaluated())`, which do not exist at run time."""

import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys


def gcov(data):
    """What gcov says of one object file whose program has run: of each of its sources."""
    tool = os.environ.get("GCOV", "gcov")
    run = subprocess.run([tool, "--json-format", "--stdout", "--branch-probabilities", data.name],
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=data.parent)
    if run.returncode != 0:
        sys.exit(f"{data}: {run.stderr.decode(errors='replace')}")
    return [json.loads(line) for line in run.stdout.splitlines() if line]


def compile_time_lines(text):
    """Numbers of the lines in blocks that only the compiler runs."""
    lines = text.splitlines()
    found = set()
    for start, line in enumerate(lines):
        if not re.search(r"\bif \(std::is_constant_evaluated\(\)\)", line):
            continue
        depth = 0
        for number in range(start, len(lines)):
            depth += lines[number].count("{") - lines[number].count("}")
            found.add(number + 1)
            if depth <= 0 and (number > start or line.rstrip().endswith(";")):
                break
    return found


class Coverage:
    """How often each line and each way out of it was taken, by the name of the file."""

    def __init__(self, root, only, without):
        self.root = root.resolve()
        self.only = tuple(only)
        self.without = tuple(without)
        self.lines = collections.defaultdict(collections.Counter)
        self.branches = collections.defaultdict(collections.Counter)
        self.names = {}

    def may_have_run(self, data):
        """Whether an object file holds code of these sources: gcov takes long over those of Qt."""
        note = data.with_suffix(".gcno").read_bytes()
        return any(prefix.encode() in note for prefix in self.only)

    def name_of(self, folder, file):
        """The name of a file below the root; None when it is none of these sources."""
        path = os.path.join(folder, file)
        if path not in self.names:
            real = pathlib.Path(path).resolve()
            name = str(real.relative_to(self.root)) if real.is_relative_to(self.root) else ""
            wanted = name.startswith(self.only) and not name.startswith(self.without)
            self.names[path] = name if wanted else None
        return self.names[path]

    def add(self, report):
        for file in report["files"]:
            name = self.name_of(report["current_working_directory"], file["file"])
            if name is None:
                continue
            for line in file["lines"]:
                number = line["line_number"]
                self.lines[name][number] += line["count"]
                ways = [branch for branch in line["branches"] if not branch["throw"]]
                for index, branch in enumerate(ways):
                    # Their number tells the branches of `if constexpr` apart.
                    self.branches[name][number, len(ways), index] += branch["count"]

    def of_file(self, name):
        """What there is and what was taken: lines, then branches."""
        skipped = compile_time_lines((self.root / name).read_text())
        lines = {line: n for line, n in self.lines[name].items() if line not in skipped}
        branches = {way: n for way, n in self.branches[name].items() if way[0] not in skipped}
        return lines, branches

    def table(self):
        """Per cent of the lines, per cent of the branches, and a table of the files with gaps."""
        total = collections.Counter()
        text = f"{'':50}      lines   branches  not run | a branch not taken\n"
        for name in sorted(self.lines):
            lines, branches = self.of_file(name)
            run = sum(1 for n in lines.values() if n)
            taken = sum(1 for n in branches.values() if n)
            total.update(lines=len(lines), run=run, branches=len(branches), taken=taken)
            missing = sorted(line for line, n in lines.items() if not n)
            half = sorted({way[0] for way, n in branches.items() if not n} - set(missing))
            if missing or half:
                gaps = " ".join(map(str, missing + ["|"] + half))
                text += f"{name:50} {run:5}/{len(lines):<4} {taken:5}/{len(branches):<4}  {gaps}\n"
        lines = 100 * total["run"] / total["lines"] if total["lines"] else 100
        branches = 100 * total["taken"] / total["branches"] if total["branches"] else 100
        text += f"{'all of them':50} {lines:8.1f} % {branches:8.1f} %\n"
        return lines, branches, text


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("build", type=pathlib.Path, help="where the programs were built, and have run")
    parser.add_argument("root", type=pathlib.Path, help="the folder that names begin in")
    parser.add_argument("--lines", type=float, required=True, help="the floor, in per cent")
    parser.add_argument("--branches", type=float, default=0, help="the floor, in per cent")
    parser.add_argument("--only", action="append", required=True, help="files whose name begins so")
    parser.add_argument("--without", action="append", default=[], help="not those that begin so")
    given = parser.parse_args(arguments)

    coverage = Coverage(given.root, given.only, given.without)
    data = [path for path in sorted(given.build.resolve().rglob("*.gcda"))
            if coverage.may_have_run(path)]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for reports in pool.map(gcov, data):
            for report in reports:
                coverage.add(report)
    if not coverage.lines:
        return f"{given.build}: nothing that was built with --coverage has run there"
    lines, branches, table = coverage.table()
    print(table, end="", flush=True)
    for kind, reached, floor in (("lines", lines, given.lines),
                                 ("branches", branches, given.branches)):
        if reached < floor:
            return f"{reached:.1f} % of the {kind} were run, and it has to be {floor:g} %"
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
