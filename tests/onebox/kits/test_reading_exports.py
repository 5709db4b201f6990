"""The same made library, exported by four systems: every kit reads it into the same load, oddities and all."""

import json
from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from carrel.kits.made import BERLIN, NOBODY, MadeLibrary, library
from carrel.kits.neutral import Left
from carrel.kits.preparing import Prepared, prepared
from carrel.kits.reading import Folder, Unreadable, Wrong, day_end, minor, moment
from carrel.kits.running import KITS
from carrel.kits.sample import alma_id, sierra_id, write_sample
from carrel.kits.sample_folio import folio_id
from carrel.kits.sampling import MAPPED
from carrel.kits.settings import MappingDoc

TODAY = date(2026, 11, 27)
Ids = dict[str, dict[str, int]]


def numbers(of: Callable[[str, int], str]) -> Ids:
    """Kind → legacy id → the made library's number."""
    made = library(TODAY)
    found: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for kind in ("title", "item", "patron", "loan", "hold", "fee"):
        for each in getattr(made, f"{kind}s"):
            found[kind][of(kind, each.number)] = each.number
    found["patron"].setdefault(of("patron", NOBODY), NOBODY)
    return found


def of_koha(kind: str, number: int) -> str:
    return str(1000 + number if kind == "item" else number)


def of_folio(kind: str, number: int) -> str:
    return folio_id(
        {"title": "instance", "patron": "user", "hold": "request", "fee": "account"}.get(kind, kind), number
    )


def of_alma(kind: str, number: int) -> str:
    if kind == "patron":
        return "nobody" if number == NOBODY else f"user{number}"
    return alma_id({"hold": "request", "fee": "fine"}.get(kind, kind), number)


def of_sierra(kind: str, number: int) -> str:
    if kind == "loan":
        return sierra_id("i", 2 * number)
    letter = {"title": "b", "item": "i", "patron": "p"}.get(kind)
    return sierra_id(letter, number) if letter else str(number)


IDS = {"koha": of_koha, "folio": of_folio, "alma": of_alma, "sierra": of_sierra}


def read(kit: str, folder: Path) -> tuple[Prepared, MappingDoc]:
    settings = MappingDoc.model_validate_json((folder / "mapping.json").read_bytes())
    return prepared(KITS[kit].read(Folder(folder), settings), folder / "titles.ndjson"), settings


def plain(kit: str, told: Prepared, settings: MappingDoc) -> dict[str, Any]:
    """The load with the made library's numbers for ids, and the demo university's codes."""
    ids = numbers(IDS[kit])

    def rows(kind: str, **sections: str) -> list[dict[str, Any]]:
        found = []
        for each in getattr(told, f"{kind}s"):
            row = {name: value for name, value in asdict(each).items() if name not in ("place", "note")}
            row["legacy_id"] = ids[kind][row["legacy_id"]]
            for name in ("patron", "title", "item", "loan"):
                row |= {name: ids[name][row[name]]} if row.get(name) is not None else {}
            row |= {name: settings.meant(section, row[name]) for name, section in sections.items()}  # type: ignore[arg-type]
            found.append(row)
        return found

    items = {
        ids["item"][key]: (
            ids["title"][title],
            item.barcode,
            settings.meant("places", item.place),
            settings.meant("material_types", item.material_type),
            settings.meant("loan_types", item.loan_type),
            item.call_number,
            item.volume,
            item.copy_number,
        )
        for key, (item, title) in told.items.items()
    }
    return {
        "titles": {ids["title"][key]: (each["title"], each["year"]) for key, each in told.titles.items()},
        "items": items,
        "patrons": rows("patron", group="patron_groups"),
        "loans": rows("loan", service_point="service_points"),
        "holds": sorted(rows("hold", pickup="service_points"), key=lambda row: row["title"]),
        "fees": rows("fee", type="fee_types"),
        "left": {(each.kind, ids[each.kind][each.legacy_id], each.code, each.lost) for each in told.left},
    }


@cache
def expected() -> dict[str, Any]:
    """What it must come to, from the made library itself."""
    made: MadeLibrary = library(TODAY)

    def at(wall: datetime | date) -> datetime:
        told = wall if isinstance(wall, datetime) else datetime.combine(wall, time(0))
        return told.replace(tzinfo=BERLIN).astimezone(UTC)

    def until(day: date) -> datetime:
        return at(day + timedelta(days=1)) - timedelta(seconds=1)

    def meant(section: str, word: str) -> str:
        return MAPPED[section][word]

    queue = sorted(made.holds, key=lambda hold: (hold.title, not hold.ready, hold.place))
    return {
        "titles": {t.number: (t.title, t.year) for t in made.titles},
        "items": {
            i.number: (
                i.title,
                None if i.number in (made.odd["item without barcode"], made.odd["item with another's barcode"])
                else i.barcode,
                meant("places", f"{i.library}/{i.shelf}"),
                meant("material_types", i.kind),
                meant("loan_types", i.lending),
                i.call_number,
                i.volume,
                i.copy,
            )
            for i in made.items
        },
        "patrons": [
            {"legacy_id": p.number, "external_id": p.user, "group": meant("patron_groups", p.group),
             "family_name": p.family, "given_name": p.given, "barcode": p.barcode, "email": p.email,
             "expires_at": until(p.expires), "active": True}
            for p in made.patrons
        ],
        "loans": [
            {"legacy_id": each.number, "patron": each.patron, "item": each.item, "lent_at": at(each.lent),
             "due_at": at(each.due), "renewals": each.renewals,
             "service_point": meant("service_points", each.library)}
            for each in made.loans
        ],
        "holds": [
            {"legacy_id": h.number, "patron": h.patron, "title": h.title, "placed_at": at(h.placed),
             "pickup": meant("service_points", h.library), "item": h.item,
             "on_item": h.item is not None and not h.ready,
             "expires_at": until(h.until) if h.until and not h.ready else None, "ready": h.ready,
             "shelf_expires_at": until(h.until) if h.until and h.ready else None,
             "suspended": False, "suspended_until": None}
            for h in queue
        ],
        "fees": [
            {"legacy_id": f.number, "patron": f.patron, "type": meant("fee_types", f.kind), "amount": f.amount,
             "remaining": f.remaining, "currency": "EUR", "charged_at": at(f.charged), "loan": f.loan,
             "item": f.item}
            for f in made.fees if f.remaining
        ],
        "left": {("item", made.odd["item with another's barcode"], "barcode-repeated", False)},
    }  # fmt: skip


@pytest.mark.parametrize("kit", list(KITS))
def test_every_kit_reads_the_same_load(kit: str, tmp_path: Path) -> None:
    write_sample(kit, tmp_path, today=TODAY)

    told = plain(kit, *read(kit, tmp_path))

    for kind, rows in expected().items():
        assert told[kind] == rows, kind


@pytest.mark.parametrize("kit", list(KITS))
def test_every_record_is_known_by_its_old_number_and_keeps_what_it_had(kit: str, tmp_path: Path) -> None:
    write_sample(kit, tmp_path, today=TODAY)
    read(kit, tmp_path)

    first = json.loads((tmp_path / "titles.ndjson").read_text().splitlines()[0])
    fields: dict[str, Any] = {}
    for field in first["fields"]:
        for tag, value in field.items():
            fields.setdefault(tag, value)

    assert (fields["001"], fields["003"]) == (IDS[kit]("title", 1), kit)
    assert fields["245"]["subfields"] == [{"a": library(TODAY).titles[0].title}]
    assert not {"952", "945", "907", "999", "ITM"} & fields.keys(), "what stands in 991 stands nowhere else"
    if kit in ("koha", "sierra"):
        assert fields["035"]["subfields"][0]["a"].startswith("(OCoLC)oc")


BERLIN_ZONE = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("text", "forms", "expected"),
    [
        ("2026-10-25 01:30:00", (), "2026-10-24T23:30:00+00:00"),
        ("2026-10-25 02:30:00", (), "2026-10-25T00:30:00+00:00"),
        ("2026-03-29 02:30:00", (), "2026-03-29T01:30:00+00:00"),
        ("2026-11-02", (), "2026-11-01T23:00:00+00:00"),
        ("2026-11-02T10:00:00Z", (), "2026-11-02T10:00:00+00:00"),
        ("2026-11-02T10:00:00.000+0000", (), "2026-11-02T10:00:00+00:00"),
        ("2026-11-02T10:00:00-05:00", (), "2026-11-02T15:00:00+00:00"),
        ("11-02-2026 10:00", ("%m-%d-%Y %H:%M",), "2026-11-02T09:00:00+00:00"),
    ],
)
def test_a_moment_is_in_its_own_zone_or_in_the_librarys(
    text: str, forms: tuple[str, ...], expected: str
) -> None:
    assert moment(text, BERLIN_ZONE, forms).isoformat() == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("2026-06-30", "2026-06-30T21:59:59+00:00"), ("2026-10-25 12:00", "2026-10-25T11:00:00+00:00")],
)
def test_what_counts_until_a_day_counts_to_its_end(text: str, expected: str) -> None:
    assert day_end(text, BERLIN_ZONE).isoformat() == expected


@pytest.mark.parametrize(
    ("text", "currency", "expected"),
    [
        ("12.5", "EUR", 1250),
        ("12.500000", "EUR", 1250),
        ("$1,250.00", "USD", 125000),
        ("1.250,00", "EUR", 125000),
        ("12,50", "EUR", 1250),
        ("1,250", "USD", 125000),
        ("250", "JPY", 250),
        ("-3.10", "EUR", -310),
    ],
)
def test_an_amount_is_read_however_it_is_written(text: str, currency: str, expected: int) -> None:
    assert minor(text, currency) == expected


@pytest.mark.parametrize("text", ["", "twelve", "1.005", "NaN", "Infinity", "1e400", "99999999999"])
def test_what_is_no_amount_is_not_taken_for_one(text: str) -> None:
    with pytest.raises(Wrong):
        minor(text, "EUR")


def test_what_is_missing_is_told_all_at_once(tmp_path: Path) -> None:
    write_sample("koha", tmp_path, today=TODAY)
    (tmp_path / "issues.tsv").unlink()
    (tmp_path / "reserves.tsv").unlink()
    settings = MappingDoc(source="koha")

    with pytest.raises(Unreadable) as files:
        KITS["koha"].read(Folder(tmp_path), settings)
    write_sample("koha", tmp_path, today=TODAY)
    (tmp_path / "borrowers.tsv").write_text("cardnumber\tsurname\n")
    with pytest.raises(Unreadable) as columns:
        KITS["koha"].read(Folder(tmp_path), settings)

    assert [reason.split(" in ")[0] for reason in files.value.reasons] == [
        "There is no issues.csv or .tsv or .txt",
        "There is no reserves.csv or .tsv or .txt",
    ]
    assert [reason.split("'")[1] for reason in columns.value.reasons] == [
        "borrowernumber",
        "firstname",
        "categorycode",
        "dateexpiry",
    ]


def test_a_row_that_cannot_be_read_costs_no_other(tmp_path: Path) -> None:
    write_sample("koha", tmp_path, today=TODAY)
    issues = (tmp_path / "issues.tsv").read_text().splitlines()
    issues[1] = issues[1].replace("2026-", "soon-")
    issues[2] = "\t".join(["2", *issues[2].split("\t")[1:2], "NULL", *issues[2].split("\t")[3:]])
    (tmp_path / "issues.tsv").write_text("\n".join([*issues, issues[3]]) + "\n")
    lines = (tmp_path / "accountlines.tsv").read_text().splitlines()
    lines.append("11\t1\tNULL\tNULL\t2026-10-01\t-5.000000\t-5.000000\tPAYMENT\tNULL\tNULL")
    lines.append("12\t1\t1\t1002\t2026-10-01\t1.200000\t1.200000\tOVERDUE\tNULL\tUNRETURNED")
    (tmp_path / "accountlines.tsv").write_text("\n".join(lines) + "\n")
    with (tmp_path / "biblios.mrc").open("ab") as file:
        file.write(b"00041nam a2200037 i 4500245000300000\x1ex\x1e\x1d")

    told, _ = read("koha", tmp_path)

    assert len(told.loans) == 13
    assert [(each.kind, each.legacy_id, each.code) for each in told.left if each.lost] == [
        ("loan", "1", "unreadable"),
        ("loan", "2", "unreadable"),
        ("loan", "3", "legacy-id-repeated"),
        ("fee", "11", "credit"),
        ("fee", "12", "accruing"),
        ("title", "record 41", "unreadable"),
    ]
    assert told.left[0] == Left("loan", "1", "unreadable", told.left[0].text)
    assert "is no moment" in told.left[0].text
