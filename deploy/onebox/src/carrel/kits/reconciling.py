"""After a hand-over both sides are counted and summed: level, or what differs and why.

Where counts and checksums agree nothing more is asked. Where they do not, every record of that kind is compared.
"""

import csv
import io
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from carrel.kits import facts
from carrel.kits.facts import Facts
from carrel.kits.loading import Loading
from carrel.kits.neutral import KINDS, Left

OF_CATALOGUE: Final = ("title", "item")
SHOWN: Final = 10


@dataclass(slots=True)
class Account:
    """One kind: what was in the export, and what is here."""

    kind: str
    exported: int
    left: int
    refused: int
    loaded: int
    level: bool
    """Everything that the export has is here as it was there."""
    source_checksum: str
    loaded_checksum: str
    differences: list[Left] = field(default_factory=list)
    """What differs, row by row, and why."""
    money: dict[str, dict[str, int]] = field(default_factory=dict)
    """Of fees, by currency: what the export has, and what is here."""


def reconcile(loading: Loading) -> list[Account]:
    """Compare both sides, kind by kind."""
    left = defaultdict(list)
    for each in (*loading.prepared.left, *loading.unloaded):
        if each.lost:
            left[each.kind].append(each)
    return [_account(loading, kind, left[kind]) for kind in KINDS]


def _account(loading: Loading, kind: str, left: Sequence[Left]) -> Account:
    told = loading.door.get(loading.path(kind, "sum"))
    refused: dict[str, list[dict[str, str]]] = {}
    if kind not in OF_CATALOGUE and told["refused"]:
        refused = {each["legacy_id"]: each["reasons"] for each in loading.pages(kind, refused="true")}
    ours = dict(_facts(loading, kind, frozenset(refused)))
    refused = {key: why for key, why in refused.items() if key in ours}
    checksum = facts.checksum(ours.items())
    handed = {key: each for key, each in ours.items() if key not in refused}
    agreed = facts.checksum(handed.items()) == told["checksum"] and len(handed) == told["count"]
    differences = [*left]
    differences += [
        Left(kind, key, reason["code"], reason["text"]) for key, why in refused.items() for reason in why
    ]
    if not agreed:
        differences += _compared(loading, kind, handed)
    unloaded = sum(each.kind == kind for each in loading.unloaded)
    account = Account(
        kind,
        exported=len(ours) + len(left),
        left=len(left),
        refused=len(refused),
        loaded=told["count"],
        level=agreed and not refused and not left,
        source_checksum=checksum,
        loaded_checksum=told["checksum"],
        differences=differences,
    )
    assert unloaded <= len(left), "what was not handed over is told"
    if kind == "fee":
        account.money = _money(loading, told)
    return account


def _facts(loading: Loading, kind: str, refused: frozenset[str]) -> Iterator[tuple[str, Facts]]:
    """What the export says of each record that was handed over, or was to be."""
    prepared, settings = loading.prepared, loading.settings
    if kind == "title":
        yield from facts.titles(prepared)
    elif kind == "item":
        yield from facts.items(prepared, settings)
    elif kind == "patron":
        for patron in prepared.patrons:
            yield patron.legacy_id, facts.patron(patron, settings)
    elif kind == "loan":
        for loan in prepared.loans:
            if loan.item in loading.item_ids:
                yield loan.legacy_id, facts.loan(loan, loading.item_ids)
    elif kind == "hold":
        ranks: Counter[str] = Counter()
        for hold in prepared.holds:
            if hold.title in loading.title_ids:
                ranks[hold.title] += hold.legacy_id not in refused
                rank = ranks[hold.title]
                told = facts.hold(hold, settings, loading.title_ids, loading.item_ids, rank=rank)
                yield hold.legacy_id, told
    else:
        for fee in prepared.fees:
            yield fee.legacy_id, facts.fee(fee, settings)


def _compared(loading: Loading, kind: str, ours: Mapping[str, Facts]) -> list[Left]:
    """Every record that differs: it is not here, it is not in the export, or it says something else."""
    found, here = [], set()
    for each in loading.pages(kind):
        key, theirs = each["legacy_id"], each["fields"]
        if theirs is None:
            continue
        here.add(key)
        if key not in ours:
            found.append(Left(kind, key, "not-in-export", "It is here, and not in this export."))
            continue
        for name, value in ours[key].items():
            if theirs.get(name) != value:
                text = f"{name} is {theirs.get(name)!r} here, {value!r} in the export."
                found.append(Left(kind, key, "differs", text))
    found += [Left(kind, key, "not-here", "It is not here.") for key in ours.keys() - here]
    return found + (_reasons(loading) if kind in OF_CATALOGUE else [])


def _reasons(loading: Loading) -> list[Left]:
    """What the import said of records that it did not take as they are."""
    path, cursor, found = f"/v1/imports/{loading.state.import_id}/outcomes", None, []
    while True:
        page = loading.door.get(path, limit=1000, cursor=cursor, with_reasons="true")
        for each in page["items"]:
            whom = each["control_number"] or f"record {each['ordinal']}"
            found += [
                Left("title", whom, reason["code"], reason["text"], lost=False) for reason in each["reasons"]
            ]
        if (cursor := page["next_cursor"]) is None:
            return found


def _money(loading: Loading, told: Any) -> dict[str, dict[str, int]]:
    sums: defaultdict[str, dict[str, int]] = defaultdict(
        lambda: {"exported": 0, "exported_remaining": 0, "loaded": 0, "loaded_remaining": 0}
    )
    for fee in loading.prepared.fees:
        sums[fee.currency]["exported"] += fee.amount
        sums[fee.currency]["exported_remaining"] += fee.remaining
    for each in told["amounts"]:
        sums[each["currency"]] |= {"loaded": each["amount"], "loaded_remaining": each["remaining"]}
    return dict(sums)


def outcome_lines(accounts: Sequence[Account], told_besides: Sequence[Left]) -> Iterator[str]:
    """The outcome file: every row that is not here as it was there, and why."""
    yield "kind,legacy_id,code,text"
    for each in (*(row for account in accounts for row in account.differences), *told_besides):
        out = io.StringIO()
        csv.writer(out, lineterminator="").writerow(
            [each.kind, _safe(each.legacy_id), each.code, _safe(each.text)]
        )
        yield out.getvalue()


def _safe(cell: str) -> str:
    """What a spreadsheet would take for a formula is told as text."""
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t")) else cell
