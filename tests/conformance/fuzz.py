# SPDX-FileCopyrightText: The Framewire authors
# SPDX-License-Identifier: BSL-1.0

"""The Autobahn test suite, by kosoku. Started by drive.py with the interpreter that has kosoku.

    fuzz.py client CASES RESULTS URL    tests the server there
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


async def test_server(cases, url):
    # Some cases only wait: others may run meanwhile.
    return await kosoku.run_fuzzingclient(url, cases, concurrency=4)


async def test_client(cases):
    async with kosoku.run_fuzzingserver(cases, port=0) as server:
        print(f"listening on ws://{server.address}:{server.port}", flush=True)
        return await server.get_result()


async def main(role, cases, results, *words):
    with open(cases, encoding="utf-8") as lines:
        cases = lines.read().split()
    test = {"client": test_server, "server": test_client}[role]
    try:
        done = await test(cases, *words)
    except kosoku.FailureError as failed:
        # What to make of it is the caller's to say.
        done = failed.results
    with open(results, "w", encoding="utf-8") as out:
        for each in done:
            print(json.dumps({
                "case": each.case_id,
                "verdict": each.behavior.value,
                "closing": each.behavior_close.value,
                "code": each.remote_close_code,
                "why": f"{each.result} {each.result_close}",
                "milliseconds": each.duration,
            }), file=out)


asyncio.run(main(*sys.argv[1:]))
# kosoku 0.1.0 aborts when the interpreter takes its threads down.
sys.stdout.flush()
os._exit(0)
