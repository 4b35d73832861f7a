"""Put on PYTHONPATH by tests: every Python process notes when it opens the key file, and breaks where it is told to.

An audit hook sees each open that Python makes; it writes a line with the process's arguments to a file of the test's.
`WATCHED_BREAK` is `<module>:<function>:<raise or kill>`: the process dies as soon as the function is called. What it
raises says all that the function could have said: its arguments, and the rows of every table of a database among them.
"""

import importlib.util
import os
import signal
import sys

_KEY = os.environ.get("WAREHOUSE_KEY_FILE", "")
_NOTES = os.environ.get("WATCHED_OPENS", "")
_BREAK = os.environ.get("WATCHED_BREAK", "")
_BROKEN = os.environ.get("WATCHED_BROKEN", "")
_ROWS = 400


def _watch(event, arguments):
    if event == "open" and arguments and isinstance(arguments[0], str | bytes) and os.fsdecode(arguments[0]) == _KEY:
        with open(_NOTES, "a", encoding="utf-8") as stream:  # noqa: PTH123 - pathlib need not be imported yet
            stream.write(" ".join(sys.orig_argv[1:]) + "\n")


def _all_of(argument):
    """What a careless message would say of an argument."""
    if not hasattr(argument, "execute"):
        return str(argument)
    said = []
    try:
        names = argument.execute(
            "select table_name from duckdb_tables() union all select view_name from duckdb_views() where not internal"
        ).fetchall()
        for (name,) in names:
            said.append(str(argument.execute(f'from "{name}" limit {_ROWS}').fetchall()))
    except Exception as error:
        # A row that DuckDB can't read is told by its own message, whole.
        said.append(str(error))
    return "\n".join(said)


class _Break:
    """An importer that lets one function of one module end the process."""

    def __init__(self, module, function, way):
        self.module, self.function, self.way = module, function, way

    def find_spec(self, name, path=None, target=None):
        if name != self.module:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        run = spec.loader.exec_module

        def exec_module(module):
            run(module)
            owner, _, last = self.function.rpartition(".")
            setattr(getattr(module, owner) if owner else module, last, self.end)

        spec.loader.exec_module = exec_module
        return spec

    def end(self, *arguments, **named):
        said = "\n".join(_all_of(one) for one in (*arguments, *named.values()))
        # One line a break, also of a program that was given in lines.
        program = " ".join(" ".join(sys.orig_argv[1:]).split())
        with open(_BROKEN, "a", encoding="utf-8") as stream:  # noqa: PTH123
            stream.write(f"{self.function} {len(said)} {program}\n")
        if self.way == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        raise RuntimeError(said)


if _KEY and _NOTES:
    sys.addaudithook(_watch)
if _BREAK:
    sys.meta_path.insert(0, _Break(*_BREAK.split(":")))
