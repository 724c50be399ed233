#!/usr/bin/env python3
# SPDX-FileCopyrightText: The Framewire authors
# SPDX-License-Identifier: BSL-1.0
"""What report.py says of a small program with known gaps, built by g++ and read by gcov: report_test.py
<g++>"""

import contextlib
import io
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import report  # noqa: E402 (needs the path)

# Eight lines that are code, of which one is not run, and four branches, of which one is not taken.
HALF = """\
template <class T> int half(T value) {
    if (value > 10) {
        return 1;
    }
    return 0;
}
inline int whole(int value) {
    if (value > 10)
        return 1;
    return 0;
}
"""
# All of it is run.
FULL = """\
#include <type_traits>
constexpr int full(int value) {
    if (std::is_constant_evaluated()) {
        return value + 1;
    }
    return value;
}
"""
PROGRAM = """\
#include "part/half.hpp"
#include "other/full.hpp"
int main(int count, char**) {
    // No instantiation takes both branches; both together do.
    int sum = half(count) + half(count + 20L);
    return sum == 1 && whole(count) == 0 && full(count) == 1 ? 0 : 1;
}
"""


def run(*arguments):
    """What report.py ends with, and what it prints."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        return report.main([str(argument) for argument in arguments]), out.getvalue()


class Report(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.root = pathlib.Path(cls.folder.name).resolve()
        cls.build = cls.root / "build"
        for name, text in (("part/half.hpp", HALF), ("other/full.hpp", FULL),
                           ("program.cpp", PROGRAM)):
            (cls.root / name).parent.mkdir(exist_ok=True)
            (cls.root / name).write_text(text)
        cls.build.mkdir()
        compiler = sys.argv[1] if len(sys.argv) > 1 else "g++"
        subprocess.run([compiler, "-std=c++20", "-O0", "--coverage", "-I..", "../program.cpp", "-c"],
                       cwd=cls.build, check=True)
        subprocess.run([compiler, "--coverage", "program.o", "-o", "program"], cwd=cls.build, check=True)
        subprocess.run(["./program"], cwd=cls.build, check=True,
                       env={name: text for name, text in os.environ.items()
                            if not name.startswith("GCOV_")})

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def test_tells_what_was_not_run_of_all_instantiations_together(self):
        end, table = run(self.build, self.root, "--only", "part/", "--lines", "80")
        self.assertIsNone(end)
        row = next(line for line in table.splitlines() if line.startswith("part/half.hpp"))
        self.assertEqual(row.split()[1:], ["7/8", "3/4", "9", "|", "8"])
        self.assertNotIn("full", table)

    def test_fails_under_the_floor_of_lines(self):
        end, table = run(self.build, self.root, "--only", "part/", "--lines", "87.6")
        self.assertIn("87.5 % of the lines were run, and it has to be 87.6 %", end)
        self.assertIn("part/half.hpp", table)

    def test_fails_under_the_floor_of_branches(self):
        floors = ("--lines", "80", "--branches")
        self.assertIsNone(run(self.build, self.root, "--only", "part/", *floors, "75")[0])
        end, _ = run(self.build, self.root, "--only", "part/", *floors, "75.1")
        self.assertIn("75.0 % of the branches", end)

    def test_what_only_the_compiler_runs_is_left_out(self):
        end, table = run(self.build, self.root, "--only", "other/", "--lines", "100",
                         "--branches", "100")
        self.assertEqual(end, None, table)
        self.assertEqual(report.compile_time_lines(FULL), {3, 4, 5})

    def test_leaves_out_what_it_is_told_to(self):
        everything = ("--only", "part/", "--only", "other/", "--lines", "100")
        self.assertIsNotNone(run(self.build, self.root, *everything)[0])
        self.assertIsNone(run(self.build, self.root, *everything, "--without", "part/h")[0])

    def test_nothing_at_all_is_a_failure(self):
        for build, only in ((self.root / "other", "part/"), (self.build, "parts/")):
            end, _ = run(build, self.root, "--only", only, "--lines", "0")
            self.assertIn("nothing that was built with --coverage has run there", end)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
