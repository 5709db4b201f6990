"""What the database takes at once comes to the same as what is matched one after the other."""

import random
from collections.abc import Iterator
from typing import Any

import pytest
from stdnum.issn import calc_check_digit

from contracts.erm import PackageItemsChanged
from erm.kbart import plain, worker
from erm.kbart.plain import Plain
from support.knowing import Knowledge, listing

NUMBERS = (*(f"{n:07}" for n in range(1, 40)), "1234-5678", *[""] * 20)
"""Without check digits; one that is wrong, and many times none."""
NAMES = ("Acta", "ACTA", "Annals", "Bulletin", "Bulletin; new series")
TITLES = """
SELECT t.id, t.work_id, t.preceded_by, concat_ws('|', t.name, t.kind, t.medium, t.publisher, t.sort_name, t.edition,
    t.published_online, t.version, (SELECT string_agg(n.namespace || n.value || n.medium, ' ' ORDER BY n.namespace,
    n.value, n.medium) FROM title_identifier n WHERE n.title_id = t.id)) AS told FROM title_instance t
"""
ITEMS = """
SELECT i.key, i.listed, i.digest, i.sort_name, i.url, i.line, i.origin, i.removed_at IS NULL AS there, i.version,
    i.platform_title_id IS NULL, f.code, pt.url AS place, pt.title_id, (SELECT string_agg(concat_ws('|', c.ordinal,
    c.starts, c.start_on, c.start_volume, c.start_issue, c.ends, c.end_on, c.end_volume, c.end_issue, c.depth,
    c.embargo, c.access_type, c.note, c.url, c.listed, c.line), '; ' ORDER BY c.ordinal) FROM coverage_statement c
    WHERE c.item_id = i.id) AS coverage
FROM package_item i JOIN platform_title pt ON pt.id = i.platform_title_id JOIN platform f ON f.id = pt.platform_id
"""
ROWS = """
SELECT r.load_id, r.line, r.outcome, r.reasons, r.name, i.key, r.cells IS NULL AND r.digest IS NULL AS emptied
FROM kbart_row r LEFT JOIN package_item i ON i.id = r.item_id ORDER BY r.load_id, r.line
"""
LOADS = """
SELECT state, added, changed, unchanged, duplicate, rejected, warned, items_added, items_changed, items_unchanged,
    items_removed, titles_added, questions FROM kbart_load ORDER BY id
"""
EMPTY = "TRUNCATE kbart_load, title_instance, package, outbox CASCADE"


def number(chance: random.Random) -> str:
    """One of few, so that titles share some."""
    told = chance.choice(NUMBERS)
    return f"{told[:4]}-{told[4:]}{calc_check_digit(told)}" if len(told) == 7 else told


def lists(seed: int) -> Iterator[bytes]:
    """Three lists of few titles that often mean each other; the second and third have much of the one before."""
    chance = random.Random(seed)
    rows: list[dict[str, str] | str] = []
    for _ in range(3):
        rows = [row for row in rows if chance.random() < 0.8]
        for _ in range(12):
            kind = chance.choice(("serial", "serial", "serial", "monograph"))
            rows.append(
                {
                    "publication_title": chance.choice(NAMES),
                    "online_identifier": number(chance),
                    "print_identifier": number(chance),
                    "title_id": chance.choice((*[""] * 6, "10.1234/Doi", *(f"t{n}" for n in range(12)))),
                    "publication_type": kind,
                    "publisher_name": chance.choice(("", "P", "Q")),
                    "title_url": chance.choice(("", "https://p.example/1", "https://q.example/2")),
                    "date_first_issue_online": chance.choice(("", "1990", "1999-05", "2001-02-03", "x")),
                    "num_first_vol_online": chance.choice(("", "1")),
                    "embargo_info": chance.choice(("", "P1Y")),
                    "notes": chance.choice(("", "a note")),
                    "preceding_publication_title_id": chance.choice(("", "", "t1")),
                }
            )
        rows += [
            {"publication_title": f"Single {n}", "title_id": f"s{n}", "publisher_name": chance.choice("PPPQ")}
            for n in range(6)
        ]
        chance.shuffle(rows)
        yield listing(*rows)


async def came_of(kb: Knowledge, seed: int) -> dict[str, Any]:
    """All that three lists come to, without the ids; then nothing of it is left."""
    pool = kb.erm.resources.pool
    first, other = (
        await kb.package(reference="A", removal_percent=100),
        await kb.package(reference="B", source="o"),
    )
    for at, content in enumerate(lists(seed)):
        load = await kb.load(other if at == 1 else first, content)
        assert load["state"].startswith("finished") or load["state"] == "waiting", load
        if load["state"] == "waiting":
            await kb.post(f"/v1/package-loads/{load['id']}/confirmations", {}, expect=202)
            await kb.work()
    titles = {row["id"]: row for row in await pool.fetch(TITLES)}
    works: dict[Any, list[str]] = {}
    for row in titles.values():
        works.setdefault(row["work_id"], []).append(row["told"])
    before = {
        row["told"]: titles[row["preceded_by"]]["told"] for row in titles.values() if row["preceded_by"]
    }
    loads = {
        row["load_id"]: at
        for at, row in enumerate(await pool.fetch("SELECT id AS load_id FROM kbart_load ORDER BY id"))
    }
    events = [each for event in await kb.erm.announced(PackageItemsChanged) for each in event.items]
    told: dict[str, Any] = {
        "works": sorted(sorted(each) for each in works.values()),
        "before": sorted(before.items()),
        "items": sorted(
            repr({**row, "title_id": titles[row["title_id"]]["told"]})
            for row in map(dict, await pool.fetch(ITEMS))
        ),
        "rows": [{**row, "load_id": loads[row["load_id"]]} for row in map(dict, await pool.fetch(ROWS))],
        "loads": [dict(row) for row in await pool.fetch(LOADS)],
        "questions": sorted(
            (row["kind"], titles[row["title_id"]]["told"], titles[row["other_id"]]["told"], row["line"])
            for row in await pool.fetch("SELECT * FROM title_review")
        ),
        "events": sorted(
            repr(each.model_dump(exclude={"item_id", "title_id", "work_id", "platform_id"}))
            for each in events
        ),
    }
    await pool.execute(EMPTY)
    return told


async def nothing_is_plain(*_: Any, **__: Any) -> Plain:
    return Plain()


async def test_what_is_plain_comes_to_the_same_as_what_is_matched(
    kb: Knowledge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "SLICE", 9)
    await kb.post("/v1/platforms", {"code": "q", "name": "Q", "domains": ["q.example"]})
    taken = plain.take
    seen = Plain()

    async def take(*told: Any, **more: Any) -> Plain:
        found = await taken(*told, **more)
        seen.same, seen.added = seen.same + found.same, seen.added + found.added
        return found

    for seed in range(3):
        monkeypatch.setattr(plain, "take", take)
        at_once = await came_of(kb, seed)
        monkeypatch.setattr(plain, "take", nothing_is_plain)
        one_by_one = await came_of(kb, seed)
        for what, told in one_by_one.items():
            assert at_once[what] == told, (seed, what)
    assert seen.same > 5, seen
    assert seen.added > 10, seen
