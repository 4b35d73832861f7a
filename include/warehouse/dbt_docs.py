"""dbt's documentation of the project as one page, for the release's `operations/`.

It holds SQL, descriptions and lineage, never a row. dbt writes the page with the machine's paths in it, and its script
can call the internet; both are taken away before anybody opens it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from include.settings import PROJECT_ROOT, Settings
from include.warehouse.run_folder import RunFolder

MADE_BY_DBT = "static_index.html"
"""The page as `dbt docs generate --static` leaves it in the target folder."""

# The page carries all it needs. Whatever its script may try, the browser lets it load and send nothing.
_POLICY = (
    '<meta http-equiv="Content-Security-Policy" content="'
    "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; img-src data: blob:; "
    "font-src data:; base-uri 'none'; form-action 'none'"
    '">'
)
_HEAD = "<head>"


def docs_page(folder: RunFolder) -> Path:
    """Where a run keeps the page; `publish` copies it with the rest of the run's `operations/`."""
    return folder.operations / "dbt_docs" / "index.html"


def keep_page(settings: Settings, folder: RunFolder, project: Path) -> bool:
    """Put dbt's page into the run's `operations/`, without paths and closed to the internet.

    False if dbt left no page, or one that does not look like a page and so can't be closed.
    """
    made = folder.target / MADE_BY_DBT
    text = made.read_text("utf-8") if made.is_file() else ""
    # In the page's own head: what stands before the script, not what the script says somewhere.
    if _HEAD not in text.partition("<script")[0]:
        return False
    text = text.replace(_HEAD, _HEAD + _POLICY, 1)
    for path, name in _names(settings, folder, project):
        text = text.replace(path, name)
    page = docs_page(folder)
    page.parent.mkdir(mode=0o700, exist_ok=True)
    page.write_text(text, "utf-8")
    return True


def _names(settings: Settings, folder: RunFolder, project: Path) -> Iterable[tuple[str, str]]:
    """Folders of this machine and what stands for them, the innermost first; as they are and as JSON writes them."""
    names = {
        folder.root: "run",
        project.resolve(): "dbt_project",
        settings.home.resolve(): "home",
        PROJECT_ROOT.resolve(): "project",
        Path.home(): "~",
    }
    for path in sorted(names, key=lambda path: -len(str(path))):
        if path != Path(path.anchor):
            yield from ((text, names[path]) for text in dict.fromkeys((str(path), json.dumps(str(path))[1:-1])))
