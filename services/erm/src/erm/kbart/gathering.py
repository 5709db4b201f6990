"""The rows of a list as titles: what they say together, and what a title is looked for by. Pure, as rules are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256
from typing import Final, NamedTuple

from erm.coverage.rules import Statement, first_day, last_day, narrowest, surely_overlap
from erm.identifiers.rules import DOI, OWN, read_doi
from erm.instances.likeness import Called, core_of
from erm.instances.rules import Name, Wanted, folded
from erm.kbart.rules import AT, OF_TITLE, Flaw, number
from erm.platforms.rules import domain_of


@dataclass(slots=True)
class Entry:
    """A title as all of its rows have it."""

    key: str
    listed: dict[str, str]
    """Its cells that are the same in all rows, without empty ones."""
    url: str | None
    statements: list[dict[str, object]] = field(default_factory=list)
    """Coverage, as rows of the table."""
    lines: list[int] = field(default_factory=list)
    rejected: dict[int, Flaw] = field(default_factory=dict)
    duplicates: list[int] = field(default_factory=list)
    warned: dict[int, list[Flaw]] = field(default_factory=dict)
    digest: bytes = b""


def gathered(key: str, rows: Sequence[tuple[int, Sequence[str]]]) -> Entry:
    """The rows of one title, by line: its coverage in parts; what says the same, or claims what another has, is out."""
    entry: Entry | None = None
    seen: set[tuple[str, ...]] = set()
    certain: list[Statement] = []
    for line, cells in rows:
        listed = {name: cells[AT[name]] for name in OF_TITLE if cells[AT[name]]}
        if entry is None:
            entry = Entry(key, listed, cells[AT["title_url"]] or None)
        if (told := tuple(cells)) in seen:
            entry.duplicates.append(line)
            continue
        made = _statement(cells, line)
        sure = narrowest(_text(made["starts"]), _text(made["ends"]))
        if sure is not None:
            mine = Statement(sure, depth=str(made["depth"]), access_type=str(made["access_type"]))
            if any(surely_overlap(mine, other) for other in certain):
                text = "It claims days that another row of the title has, with the same access and depth."
                entry.rejected[line] = Flaw("coverage-overlaps", text, "date_first_issue_online")
                continue
            certain.append(mine)
        if differing := [name for name in OF_TITLE if listed.get(name) != entry.listed.get(name)]:
            text = f"Another row of the title says otherwise: {', '.join(differing)}."
            entry.warned.setdefault(line, []).append(Flaw("rows-disagree", text, differing[0], "warning"))
        made["listed"] = {name: listed.get(name, "") for name in differing} or None
        if made["url"] == entry.url:
            made["url"] = None
        seen.add(told)
        entry.lines.append(line)
        entry.statements.append(made)
    assert entry is not None
    entry.digest = sha256("\n".join(sorted("\t".join(each) for each in seen)).encode()).digest()
    return entry


def _text(told: object) -> str | None:
    return told if isinstance(told, str) else None


def _statement(cells: Sequence[str], line: int) -> dict[str, object]:
    starts, ends = cells[AT["date_first_issue_online"]] or None, cells[AT["date_last_issue_online"]] or None
    return {
        "starts": starts,
        "start_on": first_day(starts) if starts else None,
        "start_volume": cells[AT["num_first_vol_online"]] or None,
        "start_issue": cells[AT["num_first_issue_online"]] or None,
        "ends": ends,
        "end_on": last_day(ends) if ends else None,
        "end_volume": cells[AT["num_last_vol_online"]] or None,
        "end_issue": cells[AT["num_last_issue_online"]] or None,
        "depth": cells[AT["coverage_depth"]],
        "embargo": cells[AT["embargo_info"]] or None,
        "access_type": cells[AT["access_type"]],
        "note": cells[AT["notes"]] or None,
        "url": cells[AT["title_url"]] or None,
        "line": line,
    }


class Marks(NamedTuple):
    """What the database tells by whether a row says anything new: columns of `kbart_row`, in their order there."""

    digest: bytes
    domain: str | None
    sort_name: str
    core_name: str
    start_on: date | None
    end_on: date | None
    online_kind: str | None
    online: str | None
    print_kind: str | None
    print: str | None
    doi: str | None


NO_MARKS: Final = (None,) * len(Marks._fields)


def marks(cells: Sequence[str]) -> Marks:
    """Of a sound row: what `gathered` and `wanted` would make of it if it is its title's only one."""
    kind = cells[AT["publication_type"]]
    starts, ends = cells[AT["date_first_issue_online"]], cells[AT["date_last_issue_online"]]
    online_kind, online = _number(cells[AT["online_identifier"]], kind)
    print_kind, printed = _number(cells[AT["print_identifier"]], kind)
    return Marks(
        sha256("\t".join(cells).encode()).digest(),
        domain_of(cells[AT["title_url"]]),
        folded(cells[AT["publication_title"]]),
        core_of(cells[AT["publication_title"]]),
        first_day(starts) if starts else None,
        last_day(ends) if ends else None,
        online_kind,
        online,
        print_kind,
        printed,
        read_doi(cells[AT["title_id"]]).value,
    )


def _number(told: str, kind: str) -> tuple[str, str] | tuple[None, None]:
    """A number that titles are known by, in its namespace."""
    if not told:
        return None, None
    namespace, value, _ = number(told, kind)
    return (namespace, value) if value else (None, None)


SHARED: Final = "of:"
"""How the key begins of a title whose id in the list is another title's, too."""


def wanted(listed: Mapping[str, str], source: str, *, key: str) -> Wanted:
    """What a title is looked for by: its number online, a DOI, the provider's own id, and its number in print."""
    kind = listed["publication_type"]
    online: list[Name] = []
    namespace, value = _number(listed.get("online_identifier", ""), kind)
    if namespace and value:
        online.append(Name(namespace, value))
    if (own := listed.get("title_id")) and not key.startswith(SHARED):
        doi = read_doi(own).value
        online += [Name(DOI, doi)] if doi else []
        online.append(Name(OWN + source, own))
    namespace, value = _number(listed.get("print_identifier", ""), kind)
    printed = Name(namespace, value, "print") if namespace and value else None
    return Wanted(kind, folded(listed["publication_title"]), tuple(online), printed)


def called(listed: Mapping[str, str]) -> Called:
    """What a title is called by its list."""
    return Called(
        listed["publication_title"],
        listed.get("publisher_name"),
        listed.get("first_author"),
        listed.get("monograph_edition"),
        listed.get("monograph_volume"),
    )
