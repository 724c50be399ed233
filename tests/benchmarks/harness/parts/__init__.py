# SPDX-FileCopyrightText: The Framewire authors
# SPDX-License-Identifier: BSL-1.0
"""What can be measured. Each part has

  TITLE            what it is, for --help
  measure(run)     figures that JSON can hold
  show(figures, report)
                   writes them down, with the bars that they have to reach
  seconds(run)     how long that takes, roughly
"""

from . import codec, compiling, cpu, deflate, hold, instructions, memory, qml

# In the order of the report. The last only when it is asked for.
PARTS = {"codec": codec, "instructions": instructions, "cpu": cpu, "memory": memory, "qml": qml,
         "deflate": deflate, "compile": compiling, "hold": hold}
USUAL = list(PARTS)[:-1]
