# SPDX-FileCopyrightText: The Framewire authors
# SPDX-License-Identifier: BSL-1.0

"""drive.py PROGRAMS ENDPOINT: the Autobahn test suite against one of our servers or clients.
drive.py PROGRAMS record: whether the suite sends what autobahn_cases.tsv says.
drive.py PROGRAMS table [ENDPOINT...]: against all of them and other libraries, for a table.

What has to come out stands in autobahn_expected.tsv: all of it, no case more and none less.
With FRAMEWIRE_AUTOBAHN_FULL in the environment, and for the table, every case runs; else the long
groups, 12 and 13, are cut short.
"""

import collections
import json
import os
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.join(os.path.dirname(HERE), "interop"))

from peers import peer, server_port
from record import Recorder, read_table
from support import ROOT, Program, Skip, check, folder, main

CASES = 517
# Those of 12.x.1 to 12.x.18 and of 13.x.1 to 13.x.18 that run always: 1000 messages of 16 to 1024
# bytes as a whole, and of 8 KiB in fragments.
SHORT = {"1", "2", "3", "4", "11"}

# In these, each message is compressed by itself. A server grants that, but a client has to offer it,
# which a client in QML cannot be told.
BY_ITSELF = "13.2.", "13.5.", "13.6.", "13.7."
CAN_BE_TOLD = {"echo_server", "asio_client", "qt_client"}

FULL = "FRAMEWIRE_AUTOBAHN_FULL" in os.environ or sys.argv[2:3] == ["table"]
# In seconds, for all cases together.
PATIENCE = 7000 if FULL else 600

Result = collections.namedtuple("Result", "verdict closing code")


def kosoku():
    """An interpreter that has kosoku."""
    for candidate in os.path.join(ROOT, "build", "kosoku", "bin", "python"), sys.executable:
        if os.path.exists(candidate) and not subprocess.call(
                [candidate, "-c", "import kosoku"], stderr=subprocess.DEVNULL):
            return candidate
    raise Skip("Python has no kosoku (tests/run installs it)")


def expected_results(name=None):
    """What a case has to come to on an endpoint, by the name of the case."""
    results = {}
    with open(os.path.join(HERE, "autobahn_expected.tsv"), encoding="utf-8") as lines:
        for line in lines:
            if not line.startswith("#"):
                case, *words = line.rstrip("\n").split("\t")
                results[case] = Result(*words)
    check(len(results) == CASES, f"{len(results)} results are expected of {CASES} cases")
    if name == "qml_client":
        for case in results:
            # In 13.7, the server has other wishes to offer.
            if case.startswith(BY_ITSELF) and not case.startswith("13.7."):
                results[case] = results[case]._replace(verdict="UNIMPLEMENTED")
    return results


def group(case):
    return case.split(".")[0]


def is_long(case):
    return group(case) in ("12", "13")


class Fuzzer:
    """The suite in one of its roles, which tests the other one."""

    def __init__(self, role, cases, *words):
        handle, chosen = tempfile.mkstemp(dir=folder())
        with os.fdopen(handle, "w") as names:
            names.write("\n".join(cases))
        self.results = chosen + ".results"
        self.program = Program(kosoku(), "-B", os.path.join(HERE, "fuzz.py"), role, chosen,
                               self.results, *words)

    def wait(self):
        check(self.program.wait(PATIENCE) == 0, "the suite failed")
        with open(self.results, encoding="utf-8") as lines:
            return [json.loads(line) for line in lines]


def test_server(cases, url):
    return Fuzzer("client", cases, url).wait()


def test_client(cases, start):
    fuzzer = Fuzzer("server", cases)
    client = start(listening(fuzzer.program))
    # The suite ends when the client asks it to.
    check(client.wait(PATIENCE) == 0, f"{client.name} failed")
    return fuzzer.wait()


def record(programs):
    """Compares what the suite sends with our table, which was made of the cases in Python 2."""
    # But for group 9, which is about time: long, and nothing that the others do not show.
    table = {case: frames
             for case, frames in read_table(os.path.join(HERE, "autobahn_cases.tsv")).items()
             if group(case) != "9"}
    host, port = start_echo_server(programs).rsplit("/", 1)[1].split(":")
    recorder = Recorder((host, int(port)))
    rows = Fuzzer("sequence", table, recorder.url).wait()
    recorded = recorder.frames()
    check([row["case"] for row in rows] == list(table), "cases are missing")
    check(len(recorded) == len(rows), f"{len(recorded)} connections for {len(rows)} cases")
    wrong = [row["case"] for row, sent in zip(rows, recorded)
             if not is_as_in_table(table[row["case"]], sent, failed=row["code"] in (1002, 1007))]
    for case in wrong:
        print(f"{case}: the suite sent something else than the table says")
    check(not wrong, f"{len(wrong)} cases differ")
    print(f"{len(table)} cases are as in the table")


def is_as_in_table(wanted, sent, failed):
    """Whether the suite has sent what it wanted. It may close then. It stops when the peer has
    failed the connection, which may be in the middle of a frame."""
    if failed and 0 < len(sent) <= len(wanted):
        *whole, last = sent
        *kind, payload = wanted[len(whole)]
        return (whole == wanted[:len(whole)] and list(last[:3]) == kind
                and payload.startswith(last[3]))
    return sent[:len(wanted)] == wanted and sent[len(wanted):] in ([], [(8, 1, 0, b"\x03\xe8")])


def listening(program):
    return program.wait_for(r"^(?:qml: )?listening on (ws://127\.0\.0\.1:\d+)$")[1]


def qml(programs, file, *words):
    imports = os.path.dirname(os.path.dirname(programs.path("framewire_qml")))
    return Program(programs.path("conformance_qml_runner"), imports, os.path.join(HERE, file),
                   *words)


def start_echo_server(programs, *words):
    return listening(Program(
        programs.path("echo_server"), "--port", "0", "--no-greeting", "--quiet", *words))


def echo_server(programs, cases, *words):
    return test_server(cases, start_echo_server(programs, *words))


def asio_client(programs, cases, *words):
    return test_client(cases, lambda url: Program(
        programs.path("conformance_asio_client"), *words, url))


def qt_server(programs, cases, *words):
    return test_server(cases, listening(Program(programs.path("conformance_qt_echo"), *words)))


def qt_client(programs, cases, *words):
    return test_client(cases, lambda url: Program(
        programs.path("conformance_qt_echo"), *words, url))


def qml_server(programs, cases, *words):
    return test_server(cases, listening(qml(programs, "server.qml", *words)))


def qml_client(programs, cases, *words):
    return test_client(cases, lambda url: qml(programs, "client.qml", *words, url))


ENDPOINTS = {
    "echo_server": echo_server,
    "asio_client": asio_client,
    "qt_server": qt_server,
    "qt_client": qt_client,
    "qml_server": qml_server,
    "qml_client": qml_client,
}
PEERS = "ws", "beast", "websocketpp", "qt", "libwebsockets", "python"


def run(programs, name, cases):
    if name not in CAN_BE_TOLD:
        return ENDPOINTS[name](programs, cases, "--deflate")
    by_itself = [case for case in cases if case.startswith(BY_ITSELF)]
    others = [case for case in cases if case not in by_itself]
    return (ENDPOINTS[name](programs, others, "--deflate")
            + ENDPOINTS[name](programs, by_itself, "--deflate", "--no-context-takeover"))


def as_result(row):
    return Result(row["verdict"], row["closing"], "-" if row["code"] is None else str(row["code"]))


def test(programs, name):
    """Compares the results of an endpoint with what has to come out."""
    expected = expected_results(name)
    cases = [case for case in expected
             if FULL or not is_long(case) or case.split(".")[2] in SHORT]
    rows = run(programs, name, cases)
    wrong = 0
    for row in rows:
        case = row["case"]
        if as_result(row) != expected.get(case):
            wrong += 1
            print(f"{case}: {as_result(row)}, not {expected.get(case)}: {row['why']}")
    missing = set(cases) - {row["case"] for row in rows}
    check(not missing and len(rows) == len(cases),
          f"{len(rows)} results of {len(cases)} cases; without one: {sorted(missing)}")
    check(wrong == 0, f"{wrong} cases came to something else than they have to")
    print(f"{len(rows)} of {CASES} cases ran, all as they have to:",
          dict(collections.Counter(row["verdict"] for row in rows)))


def cell(rows):
    """Counts of verdicts: "141, 4 NON-STRICT"."""
    counts = collections.Counter(
        row["verdict"] if row["closing"] in ("OK", row["verdict"]) else row["closing"]
        for row in rows)
    return ", ".join(str(n) if verdict == "OK" else f"{n} {verdict}"
                     for verdict, n in sorted(counts.items(), key=lambda item: item[0] != "OK"))


def table(programs, *names):
    """Prints a row for each endpoint, in Markdown: how many cases of each group are OK."""
    cases = list(expected_results())
    groups = list(dict.fromkeys(map(group, cases)))
    print("|", " | ".join(["endpoint", *groups, "seconds"]), "|")
    print("|---" * (len(groups) + 2) + "|")
    remarks = []
    for name in names or (*ENDPOINTS, *PEERS):
        start = time.monotonic()
        try:
            if name in ENDPOINTS:
                rows = run(programs, name, cases)
            else:
                rows = test_server(
                    cases, f"ws://127.0.0.1:{server_port(peer(programs, name, 'server'))}")
        except Skip as why:
            remarks.append(f"{name}: {why}")
            continue
        seconds = round(time.monotonic() - start)
        cells = [cell([row for row in rows if group(row["case"]) == each]) for each in groups]
        print("|", " | ".join([name, *cells, str(seconds)]), "|", flush=True)
        for row in rows:
            if row["verdict"] not in ("OK", "UNIMPLEMENTED") or row["closing"] != "OK":
                remarks.append(f"{name}, {row['case']}: {row['verdict']}, closing "
                               f"{row['closing']}, {row['code']}. {row['why']}")
    print("\n" + "\n".join(remarks))


if __name__ == "__main__":
    tests = {name: (lambda programs, name=name: test(programs, name)) for name in ENDPOINTS}
    main({**tests, "record": record, "table": table})
