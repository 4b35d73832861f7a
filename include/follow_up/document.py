"""Write the follow-up document of an edition: `document.html`, `document.pdf`, `document.xlsx`.

All three come from the edition's content alone, and the same content is the same bytes: no clock, no network, no font
of the machine. The words are put together once (presentation.py); HTML (Jinja) and PDF (Typst) only set them.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import tempfile
from dataclasses import asdict
from pathlib import Path

import typst

from include.follow_up import charts, presentation, spreadsheet, typefaces
from include.follow_up.content import Content
from include.follow_up.presentation import Page
from include.follow_up.typefaces import TYPEFACES

_TEMPLATES = Path(__file__).with_name("templates")


def write_documents(content: Content, folder: Path) -> tuple[Path, ...]:
    """Write the three documents of an edition into `folder` and tell where they are; replaces what is there."""
    page = presentation.page(content)
    folder.mkdir(parents=True, exist_ok=True)
    html, pdf, xlsx = (folder / f"document.{ending}" for ending in ("html", "pdf", "xlsx"))
    html.write_text(_html(page), encoding="utf-8", newline="\n")
    pdf.write_bytes(_pdf(page, content.frozen_at))
    spreadsheet.write(content, xlsx)
    return html, pdf, xlsx


def _html(page: Page) -> str:
    template = charts.templates.get_template("document.html.j2")
    text = template.render(page=page, fonts=[])
    fonts = [(one.family, one.weight, base64.b64encode(one.cut_to(text)).decode("ascii")) for one in TYPEFACES]
    return template.render(page=page, fonts=fonts)


def _pdf(page: Page, frozen_at: dt.datetime) -> bytes:
    moment = frozen_at.astimezone(dt.UTC)
    told = typefaces.shown(asdict(page)) | {"frozen": [*moment.timetuple()[:6]]}
    with tempfile.TemporaryDirectory() as folder:
        for typeface in TYPEFACES:
            (Path(folder) / typeface.file).write_bytes(typeface.read())
        fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[folder])
        compiled = typst.compile(
            str(_TEMPLATES / "document.typ"),
            font_paths=fonts,
            format="pdf",
            sys_inputs={"document": json.dumps(told, ensure_ascii=False)},
            pdf_standards="ua-1",
            timestamp=int(moment.timestamp()),
        )
    assert isinstance(compiled, bytes), "one PDF was asked for"
    return compiled
