"""Lines of a laid-out document made running text again: words mended, paragraphs kept, line breaks gone.

Hyphens at a line's end. A hyphen stays where it belongs to the word, and goes where the layout put it:

1. stays, with a blank, before "og", "eller", "samt": it stands for a word that follows ("Børne- og Skoleudvalget");
2. stays after a digit ("12-25 år", "§ 50-undersøgelserne"), after capitals or a single letter ("UCC-bygningen",
   "e-mail"), and before a capital or a digit ("Center-MED"): no Danish word is divided there;
3. otherwise the document decides, if it has the word elsewhere in one piece, with the hyphen or without;
4. otherwise it goes ("opfølg-/ningerne").

Paragraphs. Layout puts blank lines into the middle of sentences and none between paragraphs, so a blank line alone says
nothing. A paragraph ends where the sentence ends and the next begins with a capital, and either a blank line stands
between, or the next word would have had room on the line: whoever wrote it broke the line on purpose. A bullet
always begins a line of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_SUSPENDED = re.compile(r"(?:og|eller|samt|henholdsvis)\b")
_BULLET = re.compile(r"[•*]\s|[a-zæøå][.)]\s|\d{1,2}\)\s")
_DASH_BULLET = re.compile(r"[-–]\s")
_SENTENCE_END = re.compile(r"[.!?:][”\"’)]*$")
_WORD = re.compile(r"[\w-]*\w")
_ROOMY = 0.92
"""A line with the next word stays under this part of the column's width: it was broken on purpose. The widths of
letters are estimates, off by some per cent; in the document of 2017 lines broken for want of room reach 0.93."""


def words_of(lines: Iterable[str]) -> frozenset[str]:
    """All words that stand in one piece in `lines`, in lower case: evidence for rule 3."""
    words: set[str] = set()
    for line in lines:
        found = _WORD.findall(line.lower())
        # The first word of a line may be the second half of one, the last is followed by nothing that tells.
        words.update(found[1:-1] if len(found) > 2 else ())  # noqa: PLR2004
    return frozenset(words)


def join(first: str, second: str, words: frozenset[str] = frozenset()) -> str:
    """Join the end of one line and the beginning of the next: a blank between, or a word mended."""
    if not first or not second:
        return first or second
    if first.endswith("\u00ad"):
        return first[:-1] + second
    if not re.search(r"\w-$", first) or _SUSPENDED.match(second):
        return f"{first} {second}"
    return (first if _keeps_hyphen(first, second, words) else first[:-1]) + second


def _keeps_hyphen(first: str, second: str, words: frozenset[str]) -> bool:
    begun = re.split(r"[\s/(\"”’]", first)[-1][:-1]
    part = begun.rpartition("-")[2]
    if part[-1:].isdigit() or len(part) == 1 or part.isupper() or not second[0].islower():
        return True
    ending = match.group() if (match := _WORD.match(second.lower())) else ""
    return f"{begun.lower()}-{ending}" in words and f"{begun.lower()}{ending}" not in words


def join_all(lines: Sequence[str], words: frozenset[str] = frozenset()) -> str:
    """Join lines into one, whatever stands between them: titles, names of units."""
    text = ""
    for line in lines:
        text = join(text, line, words)
    return text


def line_width(line: str) -> float:
    """Estimate how wide a line is set in a proportional typeface, in widths of an average small letter."""
    return sum(
        0.5
        if character in "iljtfrI.,:;'|()-! "
        else 1.5
        if character in "mwMW"
        else 1.2
        if character.isupper()
        else 1.0
        for character in line
    )


def running_text(
    lines: Sequence[str], width: float, words: frozenset[str] = frozenset(), *, has_true_blanks: bool = True
) -> str:
    r"""Make running text of a cell's lines; paragraphs and bullets are separated by "\n", "" stays "".

    `lines` are stripped, "" is a blank line. `width` is that of the widest line of the column (`line_width`).
    `has_true_blanks` False: the cell's blank lines come from the layout alone.
    """
    paragraphs: list[str] = []
    previous, is_after_blank = "", False
    for line in lines:
        if not line:
            is_after_blank = True
            continue
        is_blank_true = is_after_blank and has_true_blanks
        if not previous or _begins_paragraph(previous, line, width, is_blank_true, is_bullet(paragraphs[-1])):
            paragraphs.append(line)
        else:
            paragraphs[-1] = join(paragraphs[-1], line, words)
        previous, is_after_blank = line, False
    return "\n".join(paragraphs)


def is_bullet(text: str) -> bool:
    """Tell whether a line or paragraph begins with a bullet or a letter or number of a list."""
    return bool(_BULLET.match(text) or _DASH_BULLET.match(text))


def _begins_paragraph(previous: str, line: str, width: float, is_after_blank: bool, is_in_list: bool) -> bool:
    is_sentence_over = bool(_SENTENCE_END.search(previous))
    if _BULLET.match(line):
        return True
    if _DASH_BULLET.match(line):
        # A dash in the middle of a sentence may come to stand first on a line.
        return is_after_blank or is_sentence_over
    if not line.lstrip("”\"'(")[:1].isupper():
        return False
    had_room = line_width(f"{previous} {line.split(maxsplit=1)[0]}") <= _ROOMY * width
    if is_sentence_over:
        return is_after_blank or had_room
    return is_in_list and had_room
