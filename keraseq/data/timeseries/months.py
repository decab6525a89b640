"""Names of months, in the languages that most tables are written in."""

from __future__ import annotations

import datetime
import re
import unicodedata

MONTHS = {  # of English, German, French, Spanish, Italian, Portuguese, Dutch, Nordic languages
    word: number
    for number, words in enumerate(
        (
            "jan january januar januari janvier janv janner enero ene gennaio gen janeiro",
            "feb february februar februari febr fevrier fevr fev febrero febbraio fevereiro",
            "mar march marz mrz mars maart mrt marzo marco",
            "apr april avril avr abril abr aprile",
            "may mai maj mei mayo maggio mag maio",
            "jun june juni juin junio giugno giu junho",
            "jul july juli juillet juil julio luglio lug julho",
            "aug august augusti augustus aout agosto ago",
            "sep sept september septembre septiembre setembro settembre set sett",
            "oct october oktober okt octobre octubre outubro out ottobre ott",
            "nov november novembre noviembre novembro",
            "dec december dezember dez decembre diciembre dic dicembre dezembro desember des",
        ),
        1,
    )
    for word in words.split()
}
WORD = r"(?P<month>[^\W\d_]{3,})"
BETWEEN = r"(?:[-/., ]|\bde\b)*"
NAMED = tuple(  # dates that name the month; the year is written out, or comes last
    re.compile(rf"\s*{BETWEEN.join(parts)}\.?(?P<rest>(?:T|,|\s).*)?")
    for day, year, short in [
        (r"(?P<day>\d{1,2})(?:st|nd|rd|th|er)?", r"(?P<year>\d{4})", r"(?P<year>\d{2})")
    ]
    for parts in (
        (day, WORD, year), (WORD, day, year), (WORD, year), (year, WORD, day), (year, WORD),
        (day, WORD, short),
    )
)  # fmt: skip


def month_of(word: str) -> int | None:
    """The month that a word names; None if it names none."""
    plain = unicodedata.normalize("NFD", word.casefold())
    return MONTHS.get("".join(one for one in plain if not unicodedata.combining(one)))


def by_name(way: re.Pattern, text: str) -> str | None:
    """A date that names its month, in numbers, and what follows it; None if it is none."""
    found = way.fullmatch(text)
    month = found and month_of(found["month"])
    if not month:
        return None
    parts = found.groupdict()
    year, day = int(parts["year"]), parts.get("day") or 1
    if len(parts["year"]) == 2:
        year += 2000 if year < 69 else 1900
    return f"{year}-{month:02}-{day}{parts['rest'] or ''}"


def english(text: str, word: str) -> str:
    """The English short name, where a word names a month, else the text."""
    month = month_of(word)
    return datetime.date(2000, month, 1).strftime("%b") if month else text
