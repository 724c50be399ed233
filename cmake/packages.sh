# SPDX-FileCopyrightText: The Framewire authors
# SPDX-License-Identifier: BSL-1.0
#
# Sourced by examples/chat and the scripts in tests: installs what these need from Debian's packages.

say() { printf '%s: %s\n' "${0##*/}" "$*"; }
fail() { say "$*" >&2; exit 1; }

packages_to_build="g++ cmake ninja-build zlib1g-dev qt6-base-dev qt6-declarative-dev qt6-declarative-dev-tools"
packages_for_asio="libasio-dev libssl-dev"
packages_to_run_qml="qml-qt6 qml6-module-qtqml qml6-module-qtqml-models
    qml6-module-qtqml-workerscript qml6-module-qtquick qml6-module-qtquick-window"
# Debian 12 has a newer Boost beside its own.
packages_for_boost=libboost-dev
! grep -qsx 'VERSION_ID="12"' /etc/os-release || packages_for_boost=libboost1.81-dev
# clang with libFuzzer, whose package has the version in its name: 14 in Debian 12, 19 in Debian 13.
packages_for_fuzzing="clang libclang-rt-19-dev"
! grep -qsx 'VERSION_ID="12"' /etc/os-release || packages_for_fuzzing="clang libclang-rt-14-dev"
# The fonts are not needed to run it, but to see emoji in colour.
packages_to_run_chat_app="qml6-module-qtquick-controls qml6-module-qtquick-templates
    qml6-module-qtquick-layouts fonts-inter fonts-noto-color-emoji"

# need_packages <package>...: installs those that are missing; touches no network when none is.
# Elsewhere than on Debian it names them and goes on.
need_packages() {
    if ! grep -qsx 'ID=debian' /etc/os-release; then
        say "not Debian: going on in the hope that what these packages hold is there:" "$@"
        return 0
    fi
    missing=
    for package in "$@"; do
        case $(dpkg-query -W -f '${Status}' "$package" 2>/dev/null) in
            'install ok installed') ;;
            *) missing="$missing $package" ;;
        esac
    done
    [ -n "$missing" ] || return 0

    as_root=
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null ||
            fail "missing packages, and neither root nor sudo to install them. As root: apt-get install$missing"
        as_root=sudo
    fi
    say "installing$missing"
    $as_root apt-get update -q || say "apt-get update failed; trying with the lists that are here"
    # shellcheck disable=SC2086 # a list of words
    $as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -q -y --no-install-recommends $missing ||
        fail "apt-get could not install:$missing"
}

# need_node: a Node.js that is there already is good enough, whoever packaged it.
need_node() {
    if ! { command -v node && command -v npm; } >/dev/null; then
        (need_packages nodejs npm) # a failure is the caller's to judge
    fi
    { command -v node && command -v npm; } >/dev/null
}

# need_ws <repository>: the npm package ws beside the example that uses it.
need_ws() {
    [ -e "$1/examples/ws_server/node_modules/ws/package.json" ] ||
        (cd "$1/examples/ws_server" && npm ci --no-audit --no-fund)
}

# need_kosoku <repository>: the Python package kosoku, in an environment of its own.
need_kosoku() {
    wanted=$1/tests/conformance/requirements.txt
    environment=$1/build/kosoku
    cmp -s "$wanted" "$environment/requirements.txt" &&
        "$environment/bin/python" -c 'import kosoku' 2>/dev/null && return 0
    rm -rf "$environment"
    python3 -m venv "$environment" &&
        "$environment/bin/python" -m pip install -q --disable-pip-version-check -r "$wanted" &&
        cp "$wanted" "$environment/requirements.txt"
}

# use_all_cores: for cmake --build and ctest; ccache when it is there.
use_all_cores() {
    cores=$(nproc 2>/dev/null || echo 2)
    export CMAKE_BUILD_PARALLEL_LEVEL="${CMAKE_BUILD_PARALLEL_LEVEL:-$cores}"
    # Two fifths of the time tests wait, for timers and for each other.
    export CTEST_PARALLEL_LEVEL="${CTEST_PARALLEL_LEVEL:-$((cores + (cores + 1) / 2))}"
    if command -v ccache >/dev/null; then
        export CMAKE_CXX_COMPILER_LAUNCHER="${CMAKE_CXX_COMPILER_LAUNCHER-ccache}"
    fi
}
