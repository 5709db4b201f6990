"""The rows of a list as titles: what they say together, and what a title is looked for by. Pure, as rules are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from erm.coverage.rules import Statement, first_day, last_day, narrowest, surely_overlap
from erm.identifiers.rules import DOI, OWN, read_doi
from erm.instances.rules import Name, Wanted, folded
from erm.kbart.rules import AT, OF_TITLE, Flaw, number


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


SHARED: Final = "of:"
"""How the key begins of a title whose id in the list is another title's, too."""


def wanted(listed: Mapping[str, str], source: str, *, key: str) -> Wanted:
    """What a title is looked for by: its number online, a DOI, the provider's own id, and its number in print."""
    kind = listed["publication_type"]
    online: list[Name] = []
    if told := listed.get("online_identifier"):
        namespace, value, _ = number(told, kind)
        online += [Name(namespace, value)] if value else []
    if (own := listed.get("title_id")) and not key.startswith(SHARED):
        doi = read_doi(own).value
        online += [Name(DOI, doi)] if doi else []
        online.append(Name(OWN + source, own))
    printed = None
    if told := listed.get("print_identifier"):
        namespace, value, _ = number(told, kind)
        printed = Name(namespace, value, "print") if value else None
    return Wanted(kind, folded(listed["publication_title"]), tuple(online), printed)
