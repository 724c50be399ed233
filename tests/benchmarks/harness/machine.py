# SPDX-FileCopyrightText: The Framewire authors
# SPDX-License-Identifier: BSL-1.0
"""Where things are, and on what machine."""

import os
import pathlib
import platform
import resource
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent.parent
ROOT = HERE.parent.parent
BUILD = ROOT / "build" / "benchmarks"
BIN = BUILD / "tests" / "benchmarks"
NPM = BUILD / "npm"
REPORT = BUILD / "report"
PUBLISHED = ROOT / "tests" / "benchmarks" / "published"

# Of what is written, too.
LICENCE = ("SPDX-FileCopyrightText: The Framewire authors", "SPDX-License-Identifier: BSL-1.0")


class Failed(Exception):
    """What went wrong, for the person who runs this."""


def say(*what):
    """Progress: not part of the report."""
    print(*what, file=sys.stderr, flush=True)


def cores():
    """One for servers, one for their load."""
    available = sorted(os.sched_getaffinity(0))
    return available[0], available[-1]


def allow_descriptors():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # the servers inherit it


def first_match(path, prefix):
    try:
        for line in open(path, encoding="utf-8", errors="replace"):
            if line.startswith(prefix):
                return line[len(prefix):].strip(' \t\n":')
    except OSError:
        pass
    return "unknown"


def first_line(*command):
    try:
        done = subprocess.run(command, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, check=False)
    except OSError:
        return "unknown"
    return (done.stdout.splitlines() or ["unknown"])[0]


def versions():
    """Of what is compared, as Debian packaged it."""
    include = pathlib.Path("/usr/include")
    lws = next(include.glob("**/lws_config.h"), include / "none")
    qt = next(include.glob("**/QtCore/qtcoreversion.h"), include / "none")
    found = {
        "Boost": first_match(include / "boost/version.hpp",
                             "#define BOOST_LIB_VERSION ").replace("_", "."),
        "Asio": first_match(include / "asio/version.hpp", "#define ASIO_VERSION ").split()[-1],
        "websocketpp": ".".join(
            first_match(include / "websocketpp/version.hpp",
                        f"static int const {part}_version = ").rstrip(";")
            for part in ("major", "minor", "patch")),
        "wslay": first_line("dpkg-query", "-W", "-f", "${source:Upstream-Version}", "libwslay-dev"),
        "libwebsockets": first_match(lws, "#define LWS_LIBRARY_VERSION ").rstrip("-"),
        "Qt": first_match(qt, "#define QTCORE_VERSION_STR "),
        "ws": first_match(NPM / "node_modules/ws/package.json", '  "version": ').rstrip('",'),
        "Node.js": first_line("node", "--version"),
    }
    return {name: version for name, version in found.items() if "unknown" not in version}


def describe():
    server, load = cores()
    return {
        "processor": first_match("/proc/cpuinfo", "model name"),
        "cores": len(os.sched_getaffinity(0)),
        "system": f"Linux {platform.release().split('-')[0]}",
        "compiler": first_line("c++", "--version"),
        "commit": first_line("git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"),
        "versions": versions(),
        "server_core": server,
        "load_core": load,
        "load_average": round(os.getloadavg()[0], 2),
    }


def warn_about(described):
    if described["server_core"] == described["load_core"]:
        say("There is one core only: servers and load disturb each other.")
    elif described["load_average"] > 0.5:
        say("The machine is not quiet: the figures will move.")
