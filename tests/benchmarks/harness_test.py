#!/usr/bin/env python3
# SPDX-FileCopyrightText: The Framewire authors
# SPDX-License-Identifier: BSL-1.0
"""What `run` makes of figures: of sample.json, which is what it once wrote, cut short. Nothing is
measured here."""

import contextlib
import copy
import io
import json
import pathlib
import sys
import tempfile
import unittest
import xml.etree.ElementTree as xml

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from harness import main, pictures, report, svg  # noqa: E402 (needs the path)
from harness.parts import PARTS, codec  # noqa: E402

SAMPLE = json.loads((HERE / "sample.json").read_text())


def quietly(function, *arguments):
    """What a function returns, or ends the program with, and what it prints."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        try:
            return function(*arguments), out.getvalue()
        except SystemExit as end:
            return end.code, out.getvalue()


def report_of(figures):
    made = report.Report(echo=lambda _: None)
    main.make(figures, made)
    return made


def run_on(figures, *options):
    """What `run --from` ends with, and the files that it writes."""
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder, "figures.json")
        source.write_text(json.dumps(figures))
        output = pathlib.Path(folder, "report")
        code, _ = quietly(main.main, ["--from", str(source), "--output", str(output), *options])
        return code, {file.name: file.read_text() for file in output.iterdir()}


def boxes(picture):
    """Left, right, top and bottom of each text, about."""
    for element in xml.fromstring(picture).iter("{http://www.w3.org/2000/svg}text"):
        size = float(element.get("font-size"))
        width = svg.text_width(element.text, size)
        x, y = float(element.get("x")), float(element.get("y"))
        left = x - {"start": 0, "middle": width / 2, "end": width}[element.get("text-anchor")]
        yield element.text, left, left + width, y - 0.75 * size, y + 0.2 * size


class CommandLine(unittest.TestCase):
    def test_help_tells_of_every_part(self):
        code, text = quietly(main.main, ["--help"])
        self.assertEqual(code, 0)
        for name, part in PARTS.items():
            self.assertIn(f"  {name:13}{part.TITLE}", text)

    def test_an_unknown_part_or_server_is_refused(self):
        for wrong in (["nothing"], ["cpu", "--servers", "nothing"]):
            code, text = quietly(main.main, wrong)
            self.assertEqual(code, 2)
            self.assertIn("there is no", text)

    def test_check_ends_with_1_when_a_bar_is_missed(self):
        self.assertEqual(run_on(SAMPLE)[0], 0)
        self.assertEqual(run_on(SAMPLE, "--check")[0], 1)
        met = {key: SAMPLE[key] for key in ("machine", "quick", "hold")}
        self.assertEqual(run_on(met, "--check")[0], 0)

    def test_the_report_the_raw_figures_and_the_pictures_are_written(self):
        _, files = run_on(SAMPLE)
        self.assertEqual(set(files), {"report.md", "report.json",
                                      *(f"{name}.svg" for name in pictures.PICTURES)})
        self.assertEqual(json.loads(files["report.json"]), SAMPLE)
        for name in pictures.PICTURES:
            self.assertIn(f"({name}.svg)", files["report.md"])


class Codec(unittest.TestCase):
    def test_google_benchmarks_lines_become_nanoseconds_a_message_in_the_order_of_registration(self):
        def line(family, name, real, cpu, kind="iteration"):
            return {"family_index": family, "name": name, "run_type": kind, "real_time": real,
                    "cpu_time": cpu, "messages": 10.0, "bytes": 160.0}

        # Random interleaving: in any order. What is not timed by hand counts in CPU time.
        result = codec.per_message([line(1, "mask/16 B/b", 70, 50), line(0, "mask/16 B/a", 9, 20),
                                    line(0, "mask/16 B/a", 9, 30),
                                    line(0, "mask/16 B/a_mean", 9, 25, "aggregate"),
                                    line(2, "parse/16 B/c/manual_time", 80, 99)])
        self.assertEqual(list(result["16 B"]), ["a", "b", "c"])
        self.assertEqual(result["16 B"]["a"], {"ns": [2, 3], "bytes": 16})
        self.assertEqual(result["16 B"]["b"]["ns"], [5])
        self.assertEqual(result["16 B"]["c"]["ns"], [8])

    def test_time_becomes_throughput(self):
        self.assertEqual(codec.in_unit({"ns": [2, 4], "bytes": 16}, "GB/s"), [8, 4])
        self.assertEqual(codec.in_unit({"ns": [2000], "bytes": 16}, "us"), [2])

    def test_limits_stand_behind_libraries(self):
        self.assertEqual(codec.everybody({"x": {"memcpy": 0, "a": 0}, "y": {"a": 0, "b": 0}}),
                         ["a", "b", "memcpy"])


class Markdown(unittest.TestCase):
    def test_a_figure_has_three_digits(self):
        self.assertEqual([report.figure(value) for value in (1.234, 12.34, 1234.5)],
                         ["1.23", "12.3", "1234"])

    def test_a_spread_is_the_median_with_the_least_and_the_most(self):
        self.assertEqual(report.spread([3.0, 1.0, 8.0]), "3.00 (1.00-8.00)")
        self.assertEqual(report.spread([3.0]), "3.00")

    def test_every_table_has_as_many_cells_in_each_row(self):
        lines = report_of(SAMPLE).markdown().splitlines()
        tables = 0
        for above, line in zip([""] + lines, lines):
            if line.startswith("|") and above.startswith("|"):
                self.assertEqual(line.count("|"), above.count("|"), line)
            tables += line.startswith("|---")
        self.assertGreater(tables, len(PARTS))

    def test_ratios_are_medians_of_what_was_measured_in_the_same_round(self):
        figures = copy.deepcopy(SAMPLE)
        cell = figures["cpu"]["cells"][0]["server_us"]
        cell["epoll"], cell["beast"] = [1, 2, 4], [2, 6, 20]  # of the medians it would be 3, too
        cell["ws"] = [4, 2, 4]                               # and here 2
        row = next(line for line in report_of(figures).markdown().splitlines()
                   if line.startswith("| 64 x 16 B x 16 |"))
        names = list(cell)
        ratios = row.strip("| ").split(" | ")[1:]
        self.assertEqual(ratios[names.index("beast")], "3.00")
        self.assertEqual(ratios[names.index("ws")], "1.00")

    def test_without_the_floor_the_first_server_is_what_others_are_compared_with(self):
        figures = copy.deepcopy(SAMPLE)
        for cell in figures["cpu"]["cells"]:
            del cell["server_us"]["epoll"]
        self.assertIn("### Over the floor", report_of(SAMPLE).markdown())
        self.assertIn("### Over Framewire (Asio)", report_of(figures).markdown())
        self.assertNotIn("echo", pictures.draw_all(figures))

    def test_a_bar_is_met_at_its_very_value_and_missed_beyond(self):
        bars = report.Report(echo=lambda _: None)
        bars.at_most("a", 1.354, 1.35)
        bars.at_most("b", 1.356, 1.35)
        bars.at_least("c", 0.896, 0.9)
        bars.at_least("d", 0.894, 0.9)
        bars.at_most("e", 129, 128)
        self.assertEqual([bar["met"] for bar in bars.bars], [True, False, True, False, False])
        self.assertFalse(bars.all_met())
        bars.add_bars()
        self.assertIn("2 of 5 are met", bars.markdown())
        self.assertIn("**MISSED**: e: 129, at most 128 wanted", bars.markdown())

    def test_every_part_has_its_bars(self):
        expected = {"codec": 5, "instructions": 0, "cpu": 9,
                    "memory": 2, "qml": 4, "deflate": 5, "compile": 3, "hold": 2}
        for name, count in expected.items():
            alone = {key: SAMPLE[key] for key in ("machine", "quick", name)}
            self.assertEqual(len(report_of(alone).bars), count, name)
        self.assertEqual(set(expected), set(PARTS))

    def test_parts_that_were_not_measured_are_not_reported(self):
        text = report_of({key: SAMPLE[key] for key in ("machine", "quick")}).markdown()
        self.assertNotIn("##", text)


class Pictures(unittest.TestCase):
    def setUp(self):
        self.drawn = pictures.draw_all(SAMPLE)

    def test_all_are_drawn(self):
        self.assertEqual(set(self.drawn), set(pictures.PICTURES))

    def test_no_text_leaves_the_picture_or_covers_another(self):
        for name, picture in self.drawn.items():
            height = float(xml.fromstring(picture).get("height"))
            texts = list(boxes(picture))
            for i, (text, left, right, top, bottom) in enumerate(texts):
                self.assertGreaterEqual(left, 0, (name, text))
                self.assertLessEqual(right, svg.WIDTH, (name, text))
                self.assertLessEqual(bottom, height, (name, text))
                for other, left2, right2, top2, bottom2 in texts[:i]:
                    apart = left2 >= right or right2 <= left or top2 >= bottom or bottom2 <= top
                    self.assertTrue(apart, (name, text, other))

    def test_a_bar_is_as_long_as_its_value(self):
        bars = [svg.Bar("a", "ours", 30, "30"), svg.Bar("b", "peer", 90, "90")]
        picture = xml.fromstring(svg.draw("t", "", [svg.Panel("p", "u", bars)]))
        lengths = [float(rect.get("width"))
                   for rect in picture.iter("{http://www.w3.org/2000/svg}rect")][-2:]
        self.assertAlmostEqual(lengths[1] / lengths[0], 3, delta=0.05)

    def test_what_is_not_theirs_is_escaped(self):
        bars = [svg.Bar("<a & b>", "peer", 1, "1")]
        xml.fromstring(svg.draw("<t>", "&", [svg.Panel("<p>", "<u>", bars)]))

    def test_an_axis_ends_at_or_behind_its_greatest_value_and_has_few_marks(self):
        for most in (0.0013, 0.18, 1, 1.01, 9.99, 73, 2500, 131809, 4.2e6):
            marks = svg.ticks(most, 160)
            self.assertGreaterEqual(marks[-1], most * (1 - 1e-6))
            self.assertLess(marks[-2], most)
            self.assertLessEqual(len(marks), 6)


if __name__ == "__main__":
    unittest.main()
