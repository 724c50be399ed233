# SPDX-FileCopyrightText: The Framewire authors
# SPDX-License-Identifier: BSL-1.0
"""The codec in memory, on Google Benchmark."""

import json
import os
import subprocess

from ..machine import BIN, Failed, say
from ..report import median, spread, table

TITLE = "what messages cost in memory: parsing, encoding, masking, UTF-8, the handshake"

# What is measured, and the unit it is shown in.
OPERATIONS = {
    "parse, server": "ns",
    "parse, client": "ns",
    "encode, server": "ns",
    "encode, client": "ns",
    "mask": "GB/s",
    "UTF-8": "GB/s",
    "unmask and check UTF-8": "GB/s",
    "handshake": "us",
}
ABOUT = {
    "parse, server": "From a buffer of 64 KiB of masked frames to messages, nanoseconds a message. "
                     "As most unmask in place, the buffer is restored before each run, for "
                     "everybody and outside of the time that counts.",
    "parse, client": "The same with frames that are not masked: nothing has to be restored.",
    "encode, server": "From a message to its frame in a buffer, nanoseconds a message. Libraries "
                      "that hand pieces to their transport have them copied there.",
    "encode, client": "The same, masked. Framewire and Boost.Beast make keys that nobody can "
                      "predict; wslay leaves them to its user, and websocketpp's are replaced: both "
                      "get theirs for nothing.",
    "mask": "In place, of payloads as they stand in a buffer of frames. GB/s.",
    "UTF-8": "Validation, GB/s.",
    "unmask and check UTF-8": "Framewire's, in one pass or one after the other. GB/s.",
    "handshake": "A browser's request parsed and answered, microseconds. Boost.Beast's stream is "
                 "made for it.",
}
LIMITS = ("memcpy", "reference", "AVX2 XOR", "ASCII scan")


def repetitions(run):
    return (3, 0.004) if run.quick else (15, 0.03)


def seconds(run):
    return 25 if run.quick else 240


def measure(run):
    program = BIN / "codec" / "codec"
    if not program.exists():
        raise Failed("the benchmark of the codec was not built: it needs Google Benchmark")
    count, least = repetitions(run)
    results = {}
    for number, operation in enumerate(OPERATIONS, 1):
        say(f"codec: {operation}, {number} of {len(OPERATIONS)}")
        done = subprocess.run(
            [program, f"--benchmark_filter=^{operation}/", f"--benchmark_repetitions={count}",
             "--benchmark_enable_random_interleaving=true", f"--benchmark_min_time={least}",
             "--benchmark_format=json"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, text=True,
            preexec_fn=lambda: os.sched_setaffinity(0, {run.cores[1]}))
        if done.returncode != 0:
            raise Failed(f"codec: {done.stderr.strip()}")
        output = json.loads(done.stdout)
        results[operation] = per_message(output["benchmarks"])
    return {"connection_bytes": int(output["context"]["connection_bytes"]),
            "repetitions": count, "results": results}


def per_message(lines):
    """Case, who, then the nanoseconds a message of each repetition, and its bytes."""
    result = {}
    for line in sorted(lines, key=lambda line: line["family_index"]):  # as they were registered
        if line["run_type"] != "iteration":
            continue
        _, of, who = line["name"].split("/")[:3]
        entry = result.setdefault(of, {}).setdefault(who, {"ns": [], "bytes": 0})
        time = line["real_time" if line["name"].endswith("/manual_time") else "cpu_time"]
        entry["ns"].append(time / line["messages"])
        entry["bytes"] = line["bytes"] / line["messages"]
    return result


def in_unit(entry, unit):
    if unit == "ns":
        return entry["ns"]
    if unit == "us":
        return [ns / 1000 for ns in entry["ns"]]
    return [entry["bytes"] / ns for ns in entry["ns"]]


def everybody(cases):
    """Who appears: libraries first."""
    names = list(dict.fromkeys(who for entries in cases.values() for who in entries))
    return [name for name in names if name not in LIMITS] + [n for n in LIMITS if n in names]


def show(figures, report):
    report.add("## The codec",
               f"One thread, in memory; medians of {figures['repetitions']} repetitions in random "
               "order. *reference* is a few dozen lines with AVX2 by hand that do the same work on "
               "trusted input; it, memcpy, AVX2 XOR and the ASCII scan are what the machine allows, "
               "and no library.")
    for operation, cases in figures["results"].items():
        unit = OPERATIONS[operation]
        who = everybody(cases)
        rows = [[of] + [spread(in_unit(entries[name], unit)) if name in entries else ""
                        for name in who] for of, entries in cases.items()]
        report.add(f"### {operation[0].upper()}{operation[1:]}", ABOUT[operation],
                   table(["", *who], rows))
    add_bars(figures, report)


def add_bars(figures, report):
    def ratio(operation, of, who, other):
        entries = figures["results"].get(operation, {}).get(of, {})
        if who not in entries or other not in entries:
            return None
        return median(entries[who]["ns"]) / median(entries[other]["ns"])

    for of in figures["results"].get("parse, server", {}):
        value = ratio("parse, server", of, "Framewire", "reference")
        if value is not None:
            report.at_most(f"time to parse {of}, over the reference's", value, 1.35)
    for of in figures["results"].get("mask", {}):
        value = ratio("mask", of, "AVX2 XOR", "Framewire")
        if value is not None:
            report.at_least(f"speed of masking {of}, over AVX2 XOR's", value, 0.9)
    for of in figures["results"].get("unmask and check UTF-8", {}):
        value = ratio("unmask and check UTF-8", of, "two passes", "one pass")
        if value is not None:
            report.at_least(f"speed of unmasking and checking {of} in one pass, over two's",
                            value, 1.5)
    report.at_most("bytes of a connection without extension", figures["connection_bytes"], 128)
