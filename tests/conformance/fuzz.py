# SPDX-FileCopyrightText: The Framewire authors
# SPDX-License-Identifier: BSL-1.0

"""The Autobahn test suite, by kosoku. Started by drive.py with the interpreter that has kosoku.

    fuzz.py client CASES RESULTS URL    tests the server there
    fuzz.py sequence CASES RESULTS URL  the same, in the order of CASES
    fuzz.py server CASES RESULTS        serves the cases on a free port, which it says first, to a
                                        client that asks for /updateReports at the end

CASES: a file that names the cases, one a line. RESULTS: the file that is written, a JSON object a
line.
"""

import asyncio
import json
import os
import sys

import kosoku
import kosoku.cases


def mend():
    """Has the cases do what they do in Python 2, where kosoku 0.1.0 does not."""
    for case in kosoku.cases.CASES.values():
        # Bytes of UTF-8, which stand in a str there, are taken for so many characters.
        payload = getattr(case, "PAYLOAD", None)
        if isinstance(payload, str):
            try:
                case.PAYLOAD = payload.encode("latin-1").decode("utf-8")
            except UnicodeError:
                pass # they are characters
        # A peer need not compress every message. What it leaves as it is came as a str.
        if case.__name__.startswith(("Case12_", "Case13_")):
            case.onMessage = with_bytes(case.onMessage)


def with_bytes(on_message):
    def mended(self, message, binary):
        if isinstance(message, str):
            message = message.encode("latin-1" if binary else "utf-8")
        return on_message(self, message, binary)
    return mended


async def test_server(cases, url):
    # Some cases only wait: others may run meanwhile.
    return await results_of(kosoku.run_fuzzingclient(url, cases, concurrency=4))


async def test_in_sequence(cases, url):
    return [result for case in cases
            for result in await results_of(kosoku.run_fuzzingclient(url, [case]))]


async def test_client(cases):
    async with kosoku.run_fuzzingserver(cases, port=0) as server:
        print(f"listening on ws://{server.address}:{server.port}", flush=True)
        return await results_of(server.get_result())


async def results_of(run):
    try:
        return await run
    except kosoku.FailureError as failed:
        # What to make of it is the caller's to say.
        return failed.results


async def main(role, cases, results, *words):
    with open(cases, encoding="utf-8") as lines:
        cases = lines.read().split()
    mend()
    test = {"client": test_server, "sequence": test_in_sequence, "server": test_client}[role]
    done = await test(cases, *words)
    with open(results, "w", encoding="utf-8") as out:
        for each in done:
            print(json.dumps({
                "case": each.case_id,
                "verdict": each.behavior.value,
                "closing": each.behavior_close.value,
                "code": each.remote_close_code,
                "why": f"{each.result} {each.result_close}",
            }), file=out)


asyncio.run(main(*sys.argv[1:]))
# kosoku 0.1.0 aborts when the interpreter takes its threads down.
sys.stdout.flush()
os._exit(0)
