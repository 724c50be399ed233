# SPDX-FileCopyrightText: The Framewire authors
# SPDX-License-Identifier: BSL-1.0
"""Installs, builds, and tells what was built."""

import json
import os
import pathlib
import shutil
import subprocess
import sys

from .machine import BUILD, HERE, NPM, ROOT, say


def packages():
    result = ["g++", "cmake", "ninja-build", "libasio-dev", "libwebsocketpp-dev",
              "libwebsockets-dev", "libwslay-dev", "zlib1g-dev", "libdeflate-dev",
              "libbenchmark-dev", "valgrind", "qt6-base-dev", "qt6-declarative-dev",
              "qt6-declarative-dev-tools", "qt6-websockets-dev", "qml6-module-qtqml",
              "qml6-module-qtqml-models", "qml6-module-qtqml-workerscript",
              "qml6-module-qtwebsockets"]
    # Debian's Boosts exclude each other: any that is there will do.
    if not pathlib.Path("/usr/include/boost/beast/websocket.hpp").exists():
        result.append("libboost1.81-dev")
    return result


def in_shell(what, *arguments, **kwargs):
    """With the functions of cmake/packages.sh."""
    return subprocess.run(["sh", "-c", f'. "$0" && {what}', ROOT / "cmake" / "packages.sh",
                           *arguments], stdout=sys.stderr, **kwargs)


def install_packages():
    in_shell('need_packages "$@"', *packages(), check=True)


def install_ws():
    """npm's ws, in the build's folder. Without Node.js or a network it is left out."""
    wanted = HERE / "npm"
    lock = NPM / "package-lock.json"
    if (lock.exists() and lock.read_bytes() == (wanted / "package-lock.json").read_bytes()
            and (NPM / "node_modules" / "ws").exists()):
        return
    NPM.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(wanted / name, NPM)
    if in_shell('need_node && npm ci --no-audit --no-fund', cwd=NPM, check=False).returncode != 0:
        lock.unlink()
        say("npm could not install ws: it is left out")


def has_qml():
    return any(pathlib.Path(folder, "cmake", "Qt6Qml").exists()
               for folder in [*pathlib.Path("/usr/lib").glob("*-linux-gnu"), "/usr/lib64",
                              "/usr/lib"])


def build():
    environment = dict(os.environ)
    for name in ("CXXFLAGS", "CMAKE_CXX_COMPILER_LAUNCHER"):
        environment.pop(name, None)
    off = [f"-DFRAMEWIRE_BUILD_{part}=OFF" for part in ("TESTS", "EXAMPLES")]
    subprocess.run(["cmake", "-S", ROOT, "-B", BUILD, "-G", "Ninja",
                    "-DCMAKE_BUILD_TYPE=Release", "-DCMAKE_CXX_FLAGS_RELEASE=-O2 -DNDEBUG",
                    "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON", "-DCMAKE_CXX_COMPILER_LAUNCHER=",
                    f"-DFRAMEWIRE_BUILD_QML_PLUGIN={'ON' if has_qml() else 'OFF'}",
                    "-DFRAMEWIRE_BUILD_BENCHMARKS=ON", "-DFRAMEWIRE_INSTALL=OFF", *off],
                   check=True, stdout=sys.stderr, env=environment)
    subprocess.run(["cmake", "--build", BUILD], check=True, stdout=sys.stderr, env=environment)


def compile_commands():
    """Of the servers that were built, which are those whose libraries are there, and of the core
    alone."""
    entries = json.loads((BUILD / "compile_commands.json").read_text())
    result = {}
    for entry in entries:
        stem = pathlib.Path(entry["file"]).stem
        if stem.startswith(("echo_", "core_")) and "-DDEFLATE" not in entry["command"]:
            result[stem.removeprefix("echo_")] = entry
    return result
