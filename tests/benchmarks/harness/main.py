# SPDX-FileCopyrightText: The Framewire authors
# SPDX-License-Identifier: BSL-1.0
"""The command line of `run`."""

import argparse
import json
import pathlib
import subprocess
import sys
import time

from . import build, machine, pictures
from .machine import LICENCE, PUBLISHED, REPORT, Failed, say
from .parts import PARTS, USUAL
from .report import Report, introduction
from .servers import SERVERS, is_there

ABOUT = """Builds Framewire and other libraries with plain -O2, and measures them side by side.

{parts}

Without a part it runs all but hold: in some 35 minutes, and within 3 with --quick, after the
build, which takes some 5. It writes report.md, report.json and pictures to build/benchmarks/report.

Server and load run on a core each; the servers take turns, so that what else happens on the machine
hits all of them. Figures are medians, with the least and the most behind them. Compare ratios, not
figures: those move with the machine. Debian packages that are missing are installed, and npm's ws."""


class Run:
    """What the parts are asked for."""

    def __init__(self, given):
        self.names = given.servers.split(",") if given.servers else list(SERVERS)
        self.alone = self.names if given.servers else ["framewire"]
        self.cores = machine.cores()
        self.quick = given.quick

    def leave_out_what_was_not_built(self):
        for name in self.names:
            if not is_there(name):
                say(f"echo_{name} is left out: what it is made of is not there")
        self.names = list(filter(is_there, self.names))
        self.alone = list(filter(is_there, self.alone))


def parse_arguments(argv):
    lines = "\n".join(f"  {name:13}{part.TITLE}" for name, part in PARTS.items())
    parser = argparse.ArgumentParser(prog="run", description=ABOUT.format(parts=lines),
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="part", help="one or more of the above")
    parser.add_argument("--quick", action="store_true", help="fewer cells, shorter, less exact")
    parser.add_argument("--servers", metavar="LIST", help="of " + ",".join(SERVERS))
    parser.add_argument("--output", metavar="FOLDER", type=pathlib.Path, default=REPORT,
                        help="for the report: build/benchmarks/report")
    parser.add_argument("--json", metavar="FILE", type=pathlib.Path,
                        help="write the raw figures there, too")
    parser.add_argument("--from", metavar="FILE", type=pathlib.Path, dest="source",
                        help="measure nothing: write the report of these raw figures")
    parser.add_argument("--publish", action="store_true",
                        help="write the report to tests/benchmarks/published, too, which the README shows")
    parser.add_argument("--check", action="store_true", help="end with 1 when a bar is missed")
    given = parser.parse_args(argv)
    for part in given.parts:
        if part not in PARTS:
            parser.error(f"there is no part {part}: {', '.join(PARTS)}")
    for name in given.servers.split(",") if given.servers else []:
        if name not in SERVERS:
            parser.error(f"there is no server {name}: {', '.join(SERVERS)}")
    return given


def minutes(seconds):
    return "less than a minute" if seconds < 60 else f"some {seconds / 60:.0f} minutes"


def measure(given):
    """All figures, by part. Parts that cannot run are left out, unless they were asked for."""
    run = Run(given)
    chosen = given.parts or USUAL
    say("Builds, which takes some 5 minutes the first time; then measures for",
        minutes(sum(PARTS[name].seconds(run) for name in chosen)))
    build.install_packages()
    build.install_ws()
    build.build()
    machine.allow_descriptors()
    run.leave_out_what_was_not_built()
    figures = {"machine": machine.describe(), "quick": given.quick}
    machine.warn_about(figures["machine"])
    begin = time.monotonic()
    for name in chosen:
        try:
            figures[name] = PARTS[name].measure(run)
        except Failed as failure:
            if given.parts:
                raise
            say(f"{name} is left out: {failure}")
        say(f"{name}: done after {time.monotonic() - begin:.0f} s")
        save(figures, given)  # what comes next may fail, or be interrupted
    return figures


def save(figures, given):
    raw = json.dumps(figures, indent=1) + "\n"
    given.output.mkdir(parents=True, exist_ok=True)
    for file in filter(None, (given.output / "report.json", given.json)):
        file.write_text(raw)


def make(figures, report):
    """Writes the report of figures. \return its pictures, by name."""
    drawn = pictures.draw_all(figures)
    report.add(introduction(figures["machine"]))
    if figures["quick"]:
        report.add("Measured with --quick: less exact.")
    for name in drawn:
        report.add(f"![{pictures.PICTURES[name][2]}]({name}.svg)")
    for name, part in PARTS.items():
        if name in figures:
            part.show(figures[name], report)
    report.add_bars()
    return drawn


def write(folder, name, report, drawn):
    folder.mkdir(parents=True, exist_ok=True)
    heading = f"<!-- {LICENCE[0]} -->\n<!-- {LICENCE[1]} -->\n\n"
    (folder / name).write_text(heading + report.markdown())
    for picture, text in drawn.items():
        (folder / f"{picture}.svg").write_text(text)
    say(f"the report is {folder / name}")


def main(argv=None):
    given = parse_arguments(argv)
    figures = json.loads(given.source.read_text()) if given.source else measure(given)
    report = Report()
    drawn = make(figures, report)
    write(given.output, "report.md", report, drawn)
    if given.publish:
        write(PUBLISHED, "README.md", report, drawn)
    save(figures, given)
    return 1 if given.check and not report.all_met() else 0


def run_main():
    try:
        sys.exit(main())
    except Failed as failure:
        sys.exit(f"run: {failure}")
    except subprocess.CalledProcessError as failure:
        sys.exit(failure.returncode)
    except KeyboardInterrupt:
        sys.exit(130)
