"""Put on PYTHONPATH by tests: every Python process notes when it opens the key file, whatever program it runs.

An audit hook sees each open that Python makes; it writes a line with the process's arguments to a file of the test's.
"""

import os
import sys

_KEY = os.environ.get("WAREHOUSE_KEY_FILE", "")
_NOTES = os.environ.get("WATCHED_OPENS", "")


def _watch(event, arguments):
    if event == "open" and arguments and isinstance(arguments[0], str | bytes) and os.fsdecode(arguments[0]) == _KEY:
        with open(_NOTES, "a", encoding="utf-8") as stream:  # noqa: PTH123 - pathlib need not be imported yet
            stream.write(" ".join(sys.orig_argv[1:]) + "\n")


if _KEY and _NOTES:
    sys.addaudithook(_watch)
