# SPDX-FileCopyrightText: The Framewire authors
# SPDX-License-Identifier: BSL-1.0
"""Programs that take long, and say meanwhile how it goes."""

import subprocess
import threading

from .machine import say


def run(command, timeout):
    """Whether it ended well, and what it printed, which is progress, too."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    timer = threading.Timer(timeout, process.kill)
    timer.start()
    lines = []
    try:
        for line in process.stdout:
            lines.append(line.rstrip("\n"))
            say(lines[-1])
        return process.wait() == 0, lines
    finally:
        timer.cancel()
        if process.poll() is None:
            process.kill()
            process.wait()
        process.stdout.close()
