"""Records made up for tests, demos and measurements: plausible, repeatable, of any number.

The same seed makes the same file. Items stand in the standard's fields or in local ones; some records are in
MARC-8, some are damaged on purpose, and the manifest says how, so that a test can count exactly.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from catalog.marc.iso2709 import dumps
from catalog.marc.record import Field, Record

GIVEN: Final = (
    "Anna", "Björn", "Céline", "Dmitri", "Elif", "François", "Grażyna", "Hélène", "Ines", "João", "Katarína",
    "Łukasz", "Márta", "Noël", "Øyvind", "Þóra", "Renée", "Søren", "Tomás", "Ülkü", "Věra", "Wolfgang", "Zoë",
)  # fmt: skip
FAMILY: Final = (
    "Andersen", "Brûlé", "Çelik", "Dvořák", "Eğilmez", "Fernández", "Grünwald", "Håkansson", "Iglesias", "Jónsson",
    "Kovács", "Lindqvist", "Müller", "Nowak", "Ørsted", "Petrović", "Quiñones", "Rossi", "Šimek", "Tóth", "Urzędowski",
    "Vaněk", "Wójcik", "Yılmaz", "Žižek",
)  # fmt: skip
NOUNS: Final = (
    "history", "theory", "principles", "atlas", "grammar", "economy", "philosophy", "geography", "art", "law",
    "chemistry", "letters", "origins", "politics", "music", "astronomy", "trade", "religion", "medicine", "journeys",
)  # fmt: skip
PLACES: Final = (
    "Rome", "Athens", "Prague", "Lisbon", "Kraków", "Reykjavík", "İstanbul", "Köln", "Zürich", "Córdoba", "Malmö",
    "Venice", "Alexandria", "Samarkand", "Kyoto", "Timbuktu", "Cusco", "Göttingen", "Århus", "Nîmes",
)  # fmt: skip
TIMES: Final = (
    "antiquity",
    "the Middle Ages",
    "the Renaissance",
    "the Enlightenment",
    "the 19th century",
    "our time",
)
SUBJECTS: Final = (
    "History",
    "Economic conditions",
    "Politics and government",
    "Civilization",
    "Description and travel",
)
LANGUAGES: Final = ("eng", "eng", "eng", "ger", "fre", "spa", "ita", "pol", "por", "swe")
LOCATIONS: Final = ("STACKS", "READING", "STORAGE")
LIBRARIES: Final = ("MAIN", "LAW", "SCIENCE")
DAMAGES: Final = ("truncated", "lying-leader", "bad-byte")


@dataclass(frozen=True, slots=True)
class Made:
    """One record of the file, and what is wrong with it on purpose."""

    raw: bytes
    control_number: str
    barcodes: tuple[str, ...]
    damage: str | None = None


def generate(
    count: int,
    *,
    seed: int = 1,
    item_profile: str = "standard",
    marc8_share: float = 0.0,
    damaged_share: float = 0.0,
    first: int = 1,
) -> Iterator[Made]:
    """So many records, numbered from `first`; one to three items each, barcodes unique over all numbers."""
    for number in range(first, first + count):
        chance = random.Random(f"{seed}-{number}")  # noqa: S311 - made-up data, not secrets
        record, barcodes = _record(number, chance, item_profile)
        charset = "marc-8" if chance.random() < marc8_share else "utf-8"
        raw = dumps(record, charset)  # type: ignore[arg-type]  # one of the writer's own names
        damage = chance.choice(DAMAGES) if chance.random() < damaged_share else None
        yield Made(_damaged(raw, damage), f"made{number:09}", barcodes, damage)


def _record(number: int, chance: random.Random, profile: str) -> tuple[Record, tuple[str, ...]]:
    year = chance.randint(1890, 2026)
    language = chance.choice(LANGUAGES)
    author = f"{chance.choice(FAMILY)}, {chance.choice(GIVEN)}"
    place, noun, time = chance.choice(PLACES), chance.choice(NOUNS), chance.choice(TIMES)
    title = f"The {noun} of {place} in {time}"
    kind = "am" if chance.random() < 0.85 else chance.choice(("as", "em", "cm", "gm"))
    fixed = f"260101s{year}    xx {'':12}|| 0 {language} d"
    fields = [
        Field.control("001", f"made{number:09}"),
        Field.control("003", "CARREL-MADE"),
        Field.control("008", f"{fixed:<40}"[:40]),
        Field.data("020", "  ", ("a", _isbn(number))),
        Field.data(
            "050", " 4", ("a", f"D{chance.randint(1, 999)}"), ("b", f".{author[0]}{number % 1000} {year}")
        ),
        Field.data("100", "1 ", ("a", f"{author},"), ("e", "author.")),
        Field.data(
            "245", "14", ("a", f"{title} :"), ("b", f"studies, number {number} /"), ("c", f"{author}.")
        ),
        Field.data(
            "264", " 1", ("a", f"{place} :"), ("b", f"{chance.choice(FAMILY)} Press,"), ("c", f"{year}.")
        ),
        Field.data("300", "  ", ("a", f"{chance.randint(40, 900)} pages")),
        Field.data(
            "520", "  ", ("a", f"What is known of the {noun} of {place}, told for readers of {time}.")
        ),
        Field.data("650", " 0", ("a", noun.capitalize()), ("z", place), ("x", chance.choice(SUBJECTS) + ".")),
        Field.data("651", " 0", ("a", place), ("x", "History.")),
        Field.data("700", "1 ", ("a", f"{chance.choice(FAMILY)}, {chance.choice(GIVEN)}.")),
    ]
    items, barcodes = _items(number, chance, profile)
    return Record(f"00000n{kind} a2200000 i 4500", [*fields, *items]), barcodes


def _items(number: int, chance: random.Random, profile: str) -> tuple[list[Field], tuple[str, ...]]:
    call = f"D{number % 900 + 100} .M{number}"
    fields, barcodes = [], []
    for copy in range(1, chance.choice((1, 1, 1, 2, 3)) + 1):
        barcode = f"3{number:010}{copy:02}"
        library, location = chance.choice(LIBRARIES), chance.choice(LOCATIONS)
        barcodes.append(barcode)
        if profile == "local-999":
            fields.append(
                Field.data(
                    "999", "  ", ("a", call), ("i", barcode), ("l", location), ("m", library), ("t", "BOOK")
                )
            )
        elif profile == "local-949":
            fields.append(
                Field.data(
                    "949", "  ", ("a", call), ("b", barcode), ("l", location), ("m", library), ("t", "BOOK")
                )
            )
        else:
            link = ("8", f"{copy}.1")
            fields.append(Field.data("852", "0 ", link, ("b", library), ("c", location), ("h", call)))
            fields.append(Field.data("876", "  ", link, ("p", barcode), ("t", str(copy))))
    return sorted(fields, key=lambda field: field.tag), tuple(barcodes)


def _isbn(number: int) -> str:
    """A made-up ISBN with a right check digit, in a group that no agency has."""
    body = f"9799{number % 100_000_000:08}"
    check = (10 - sum(int(digit) * (1 if place % 2 == 0 else 3) for place, digit in enumerate(body))) % 10
    return body + str(check)


def _damaged(raw: bytes, damage: str | None) -> bytes:
    """The record as a careless program would have left it."""
    if damage == "truncated":
        return raw[: len(raw) // 2]
    if damage == "lying-leader":
        return b"%05d" % (len(raw) + 17) + raw[5:]
    if damage == "bad-byte":
        place = raw.index(b"\x1e", 24) + 30
        return raw[:place] + b"\xff" + raw[place + 1 :]
    return raw
