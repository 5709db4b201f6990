"""A slice of a list's titles meets the knowledge base: looked up, matched, and written at once."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import groupby
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from chassis.database import Connection
from chassis.ids import uuid7
from erm.identifiers.rules import OWN
from erm.instances.announcing import titles_changed
from erm.instances.likeness import ByName, Likeness, Limits, core_of
from erm.instances.queries import LOCK
from erm.instances.rules import (
    FOLLOWING,
    Known,
    Match,
    Name,
    Question,
    Title,
    Wanted,
    folded,
    followed,
    match,
)
from erm.kbart import plain, statements
from erm.kbart.gathering import Entry, gathered, wanted
from erm.kbart.names import Names
from erm.kbart.plain import Plain
from erm.kbart.rules import Flaw, Outcome
from erm.packages.announcing import items_changed
from erm.platforms.rules import domain_of

ITEM_COLUMNS = ("id", "platform_title_id", "key", "listed", "digest", "sort_name", "url", "line")
COVERAGE = (
    "starts", "start_on", "start_volume", "start_issue", "ends", "end_on", "end_volume", "end_issue", "depth",
    "embargo", "access_type", "note", "url", "line",
)  # fmt: skip
TITLE = (
    "id", "work_id", "name", "sort_name", "core_name", "kind", "medium", "publisher", "first_author", "first_editor",
    "edition", "volume", "published_print", "published_online", "created_at",
)  # fmt: skip
PLACE = ("id", "title_id", "platform_id", "url")
KEPT = tuple(FOLLOWING.values())
DOUBTS = {
    Question.IDENTIFIERS_DISAGREE: "Its numbers belong to several titles: see the questions about titles.",
    Question.IDENTIFIER_SHARED: "A number of it is another title's of the list: it was taken for one of its own.",
}


@dataclass(slots=True)
class Others:
    """Titles that other rows of the list are about, on a platform."""

    taken: Mapping[tuple[UUID, UUID], str]
    platform_id: UUID
    key: str

    def __contains__(self, title_id: object) -> bool:
        key = self.taken.get((title_id, self.platform_id))  # type: ignore[arg-type]  # whatever is no id is not there
        return key is not None and key != self.key


@dataclass(slots=True)
class Slice:
    """Titles of a list, and what they come to."""

    load: asyncpg.Record
    package: asyncpg.Record
    zone: str
    names: Names
    now: datetime
    plain: Plain
    """What has become of the plain ones."""
    known: Known = field(default_factory=Known)
    items: dict[str, asyncpg.Record] = field(default_factory=dict)
    """Of the package, by key."""
    by_title: dict[tuple[UUID, UUID], asyncpg.Record] = field(default_factory=dict)
    """Of the package, by title and platform."""
    taken: dict[tuple[UUID, UUID], str] = field(default_factory=dict)
    titles: list[tuple[Any, ...]] = field(default_factory=list)
    identifiers: list[tuple[Any, ...]] = field(default_factory=list)
    joined: dict[UUID, UUID] = field(default_factory=dict)
    follow: dict[UUID, dict[str, Any]] = field(default_factory=dict)
    places: dict[tuple[UUID, UUID], str | None] = field(default_factory=dict)
    written: list[dict[str, Any]] = field(default_factory=list)
    """Items, new or changed; `place` is their title and platform."""
    coverage: list[tuple[Any, ...]] = field(default_factory=list)
    happened: dict[UUID, str] = field(default_factory=dict)
    reviews: list[tuple[Question, UUID, UUID, int, Likeness | None]] = field(default_factory=list)
    places_of: dict[str, UUID] = field(default_factory=dict)
    """Where each title lies: by its address, else where the package does."""
    digests: dict[str, bytes] = field(default_factory=dict)
    """Of what the list says and where that is: the same again changes nothing."""
    asked: dict[str, Wanted] = field(default_factory=dict)
    lie: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Where rows lie in their table, by line: nobody else touches them."""
    outcomes: list[tuple[int, Outcome, UUID | None, list[Flaw]]] = field(default_factory=list)
    tally: Counter[str] = field(default_factory=Counter)

    async def look(self, connection: Connection, entries: Sequence[Entry]) -> None:
        """Whatever the slice's titles may be about, in a handful of questions."""
        package_id, source = self.package["id"], self.package["source"]
        rows = await connection.fetch(statements.BY_KEY, package_id, [each.key for each in entries])
        self.items = {row["key"]: row for row in rows}
        domains = {each.key: domain_of(each.url) if each.url else None for each in entries}
        rows = await connection.fetch(statements.PLATFORMS, [each for each in set(domains.values()) if each])
        platforms: dict[str | None, UUID] = {row["domain"]: row["platform_id"] for row in rows}
        for each in entries:
            place = platforms.get(domains[each.key], self.package["platform_id"])
            self.places_of[each.key], self.digests[each.key] = place, each.digest + place.bytes
        self.asked = {
            each.key: wanted(each.listed, source, key=each.key) for each in entries if not self.same(each)
        }
        await self._look_up(connection, list(self.asked.values()))
        nameless = [(each, self.asked[each.key]) for each in entries if self._unheard_of(each.key)]
        await self.names.look(connection, nameless)
        near = {title.id for titles in self.known.works.values() for title in titles}
        near |= {title.id for titles in self.known.by_name.values() for title in titles}
        near |= {other.title.id for others in self.names.near.values() for other in others}
        near |= {self.items[key]["title_id"] for key in self.asked if key in self.items}
        rows = await connection.fetch(statements.BY_TITLE, package_id, list(near))
        self.by_title = {(row["title_id"], row["platform_id"]): row for row in rows}
        rows = await connection.fetch(statements.IN_LIST, self.load["id"], [row["key"] for row in rows])
        there = {row["key"] for row in rows}
        self.taken = {place: row["key"] for place, row in self.by_title.items() if row["key"] in there}

    async def _look_up(self, connection: Connection, asked: Sequence[Wanted]) -> None:
        names = {(n.namespace, n.value) for each in asked for n in each.online}
        names |= {(each.printed.namespace, each.printed.value) for each in asked if each.printed}
        rows = (
            await connection.fetch(statements.HOLDERS, *map(list, zip(*names, strict=True))) if names else []
        )
        for row in rows:
            title = Title(row["id"], row["work_id"], row["kind"], row["medium"])
            self.known.holders[Name(row["namespace"], row["value"], row["medium"])] = title
        works = {row["work_id"] for row in rows}
        works |= {self.items[key]["work_id"] for key in self.asked if key in self.items}
        for row in await connection.fetch(statements.WORKS, list(works)):
            title = Title(row["id"], row["work_id"], row["kind"], row["medium"])
            self.known.works.setdefault(title.work_id, []).append(title)
            self.known.numbers |= {(title.id, namespace) for namespace in row["namespaces"]}
        nameless = {each.sort_name for each in asked if not each.online and each.printed is None}
        for row in await connection.fetch(statements.NAMED, list(nameless)) if nameless else ():
            title = Title(row["id"], row["work_id"], row["kind"], row["medium"])
            self.known.by_name.setdefault((title.kind, row["sort_name"]), []).append(title)

    def _unheard_of(self, key: str) -> bool:
        """Nobody has any of its numbers, and the package did not have it."""
        asked = self.asked.get(key)
        if asked is None or key in self.items:
            return False
        names = (*asked.online, *([asked.printed] if asked.printed else []))
        return not any(name in self.known.holders for name in names)

    def same(self, entry: Entry) -> bool:
        """Whether the package has it like this already."""
        item = self.items.get(entry.key)
        return item is not None and item["removed_at"] is None and item["digest"] == self.digests[entry.key]

    def take_all(self, entries: Sequence[Entry]) -> None:
        """Decide what becomes of titles, one after the other: each may be about what another has brought."""
        for entry in entries:
            self.take(entry)

    def take(self, entry: Entry) -> None:
        """Decide what becomes of a title."""
        for line, flaw in entry.rejected.items():
            self.outcomes.append((line, Outcome.REJECTED, None, [flaw]))
        item_id, what, doubts = self._item(entry)
        self.tally[f"items_{what}"] += 1
        for line in entry.lines:
            told = entry.warned.get(line, []) + doubts
            self.tally["warned"] += bool(told)
            self.outcomes.append((line, what, item_id, told))
        self.outcomes += [(line, Outcome.DUPLICATE, item_id, []) for line in entry.duplicates]

    def _item(self, entry: Entry) -> tuple[UUID, Outcome, list[Flaw]]:
        item = self.items.get(entry.key)
        platform_id = self.places_of[entry.key]
        if item is not None and self.same(entry):
            self.taken[item["title_id"], platform_id] = entry.key
            found_id: UUID = item["id"]
            return found_id, Outcome.UNCHANGED, []
        listed = None
        if item is not None:
            listed = Title(item["title_id"], item["work_id"], item["kind"], item["medium"])
        others = Others(self.taken, platform_id, entry.key)
        found = match(self.asked[entry.key], self.known, listed=listed, taken=others)
        named = ByName()
        if found.title is None and found.work_id is None and not found.doubts:
            named = self.names.weigh(entry, self.asked[entry.key], others)
        if named.title is not None:
            found = replace(found, title=named.title, work_id=named.title.work_id)
        title = found.title or self._new_title(entry, found)
        self._identify(entry, title, found)
        place = self._place(entry, title, platform_id)
        self.taken[place] = entry.key
        self.places[place] = entry.url or self.places.get(place)
        self.reviews += [
            (question, title.id, other, entry.lines[0], None) for question, other in found.doubts
        ]
        self.reviews += [
            (Question.NAME_ALIKE, title.id, other, entry.lines[0], like) for other, like in named.candidates
        ]
        doubts = [
            Flaw(question, DOUBTS[question], weight="warning")
            for question in dict.fromkeys(question for question, _ in found.doubts)
        ]
        doubts += self.names.told(entry, named)
        item = item or self.by_title.get(place)
        item_id = item["id"] if item else uuid7()
        if item is not None and item["title_id"] == title.id:
            self._follow(item, entry)
        returned = item is not None and item["removed_at"] is not None
        self.happened[item_id] = "returned" if returned else "changed" if item else "added"
        self.written.append(
            {
                "id": item_id,
                "place": place,
                "key": entry.key,
                "listed": orjson.dumps(entry.listed).decode(),
                "digest": self.digests[entry.key],
                "sort_name": folded(entry.listed["publication_title"]),
                "url": entry.url,
                "line": entry.lines[0],
            }
        )
        self.coverage += [
            (uuid7(), item_id, ordinal, *(told[name] for name in COVERAGE), _json(told["listed"]))
            for ordinal, told in enumerate(entry.statements)
        ]
        return item_id, Outcome.CHANGED if item else Outcome.ADDED, doubts

    def _place(self, entry: Entry, title: Title, platform_id: UUID) -> tuple[UUID, UUID]:
        """The title on its platform; one that would come where the package has it already stays where it is."""
        place, item = (title.id, platform_id), self.items.get(entry.key)
        there = self.by_title.get(place)
        occupied = there is not None and item is not None and there["id"] != item["id"]
        if item is not None and (occupied or self.taken.get(place, entry.key) != entry.key):
            return title.id, item["platform_id"]
        return place

    def _new_title(self, entry: Entry, found: Match) -> Title:
        title_id = uuid7()
        title = Title(title_id, found.work_id or title_id, entry.listed["publication_type"], "electronic")
        self._write_title(title, entry)
        self.known.add(title)
        name = folded(entry.listed["publication_title"])
        self.known.by_name.setdefault((title.kind, name), []).append(title)
        return title

    def _write_title(self, title: Title, entry: Entry) -> None:
        self.tally["titles_added"] += 1
        told = {name: entry.listed.get(column) for column, name in FOLLOWING.items()}
        row = told | {
            "id": title.id,
            "work_id": title.work_id,
            "sort_name": folded(entry.listed["publication_title"]),
            "core_name": core_of(entry.listed["publication_title"]),
            "kind": title.kind,
            "medium": title.medium,
            "created_at": self.now,
        }
        self.titles.append(tuple(row[name] for name in TITLE))

    def _identify(self, entry: Entry, title: Title, found: Match) -> None:
        """What nobody is known by yet is the title's, or its sibling's in print; a sibling alone joins its work."""
        for name in found.fresh:
            holder = title
            if name.medium == "print":
                holder = Title(uuid7(), title.work_id, title.kind, "print")
                self._write_title(holder, entry)
                self.known.add(holder)
            self.identifiers.append((uuid7(), holder.id, name.namespace, name.value, name.medium))
            self.known.give(holder, [name])
        if found.join is not None:
            self.joined[found.join] = title.work_id
            moved = [replace(each, work_id=title.work_id) for each in self.known.works.pop(found.join, [])]
            self.known.works.setdefault(title.work_id, []).extend(moved)
            ids = {each.id: each for each in moved}
            for name, each in self.known.holders.items():
                self.known.holders[name] = ids.get(each.id, each)

    def _follow(self, item: asyncpg.Record, entry: Entry) -> None:
        kept = {name: item[name] for name in KEPT}
        if changes := followed(kept, item["listed"], entry.listed):
            self.follow[item["title_id"]] = kept | changes

    async def write(self, connection: Connection) -> None:
        """Write what was decided, and tell of it and of what is plain."""
        if self.titles:
            await connection.copy_records_to_table("title_instance", records=self.titles, columns=TITLE)
        if self.identifiers:
            await connection.copy_records_to_table(
                "title_identifier",
                records=self.identifiers,
                columns=("id", "title_id", "namespace", "value", "medium"),
            )
        told = set[UUID]()
        if self.joined:
            rows = await connection.fetch(
                statements.JOIN_WORKS, list(self.joined), list(self.joined.values())
            )
            told |= {row["id"] for row in rows}
        if self.follow:
            values = [
                [
                    title_id,
                    row["name"],
                    folded(row["name"]),
                    core_of(row["name"]),
                    *(row[name] for name in KEPT[1:]),
                ]
                for title_id, row in self.follow.items()
            ]
            await connection.execute(statements.FOLLOW, *map(list, zip(*values, strict=True)))
        if self.written:
            await self._write_items(connection)
        fresh = [*self.plain.titles, *(row[0] for row in self.titles)]
        told |= await self._precede(connection, [*fresh, *self.follow, *told])
        if self.reviews:
            asked = [
                (
                    uuid7(),
                    question.value,
                    title_id,
                    other_id,
                    line,
                    likeness.score if likeness else None,
                    " ".join(likeness.why) if likeness else "",
                )
                for question, title_id, other_id, line, likeness in self.reviews
            ]
            rows = await connection.fetch(
                statements.REVIEWS,
                *map(list, zip(*asked, strict=True)),
                self.package["id"],
                self.load["id"],
                self.now,
            )
            self.tally["questions"] = len(rows)
        await titles_changed(connection, sorted(self.follow), "followed", self.now)
        await titles_changed(connection, sorted(told - set(fresh) - set(self.follow)), "changed", self.now)
        self.happened.update(dict.fromkeys(self.plain.items, "added"))
        await items_changed(connection, self.package["id"], self.happened, self.now, load_id=self.load["id"])

    async def _write_places(self, connection: Connection) -> dict[tuple[UUID, UUID], UUID]:
        """Titles on their platforms; where a title is new, nobody else can have put it there."""
        new = {row[0] for row in self.titles}
        made = [(uuid7(), *place, url) for place, url in self.places.items() if place[0] in new]
        if made:
            await connection.copy_records_to_table("platform_title", records=made, columns=PLACE)
        known = [(uuid7(), *place, url) for place, url in self.places.items() if place[0] not in new]
        rows = (
            await connection.fetch(statements.PLACES, *map(list, zip(*known, strict=True))) if known else []
        )
        return {(row["title_id"], row["platform_id"]): row["id"] for row in rows} | {
            (title_id, platform_id): place_id for place_id, title_id, platform_id, _ in made
        }

    async def _write_items(self, connection: Connection) -> None:
        places = await self._write_places(connection)
        for each in self.written:
            each["platform_title_id"] = places[each["place"]]
        new = [each for each in self.written if self.happened[each["id"]] == "added"]
        old = [each for each in self.written if self.happened[each["id"]] != "added"]
        if old:
            await connection.execute(
                statements.CHANGE_ITEMS, *_columns(old, ITEM_COLUMNS), self.load["id"], self.zone
            )
            await connection.execute(statements.DROP_COVERAGE, [each["id"] for each in old])
        if new:
            await connection.execute(
                statements.ADD_ITEMS,
                *_columns(new, ITEM_COLUMNS),
                self.package["id"],
                self.load["id"],
                self.now,
            )
        await connection.copy_records_to_table(
            "coverage_statement",
            records=[row[:-1] for row in self.coverage if row[-1] is None],
            columns=("id", "item_id", "ordinal", *COVERAGE),
        )
        if other := [row for row in self.coverage if row[-1] is not None]:
            await connection.execute(statements.COVERAGE, *map(list, zip(*other, strict=True)))

    async def _precede(self, connection: Connection, raised: Sequence[UUID]) -> set[UUID]:
        """Titles that continue another: those of this slice, and those before it whose predecessor came with it.

        `raised` have their new version already.
        """
        namespace = OWN + self.package["source"]
        brought = [value for _, _, name, value, _ in self.identifiers if name == namespace]
        brought += self.plain.brought
        after = [each["id"] for each in self.written] + list(self.plain.after)
        if not after and not brought:
            return set()
        rows = await connection.fetch(
            statements.PRECEDED, self.package["id"], namespace, list(raised), after, brought
        )
        return {row["id"] for row in rows}

    async def tell(self, connection: Connection, *, upto: str) -> None:
        """What became of each row, and how far the load has come."""
        dry = self.load["dry_run"]
        rows = [
            (
                self.lie[line],
                outcome.value,
                None if dry and outcome == Outcome.ADDED else item_id,
                orjson.dumps([each.as_json() for each in flaws]).decode(),
            )
            for line, outcome, item_id, flaws in self.outcomes
        ]
        if rows:
            await connection.execute(statements.OUTCOMES, *map(list, zip(*rows, strict=True)))
        counts = Counter(outcome for _, outcome, _, _ in self.outcomes)
        counts[Outcome.ADDED] += self.plain.added
        counts[Outcome.UNCHANGED] += self.plain.same
        self.tally["items_added"] += self.plain.added
        self.tally["items_unchanged"] += self.plain.same
        self.tally["titles_added"] += self.plain.titles_added
        await connection.execute(
            statements.APPLIED,
            self.load["id"],
            upto,
            *(counts[outcome] for outcome in Outcome),
            *(
                self.tally[name]
                for name in (
                    "warned",
                    "items_added",
                    "items_changed",
                    "items_unchanged",
                    "titles_added",
                    "questions",
                )
            ),
        )


def _json(told: object) -> str | None:
    return None if told is None else orjson.dumps(told).decode()


def _columns(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> list[list[Any]]:
    return [[row[name] for row in rows] for name in names]


async def apply(
    connection: Connection,
    load: asyncpg.Record,
    package: asyncpg.Record,
    *,
    upto: str,
    zone: str,
    limits: Limits,
    now: datetime,
) -> None:
    """Take a slice of titles, as far as a key: what is plain at once, the rest in the order of their keys."""
    if not load["dry_run"]:
        await connection.execute(LOCK)
    await connection.execute(statements.BY_INDEX)
    compared = limits.ask_from is not None
    done = await plain.take(connection, load, package, upto=upto, names=compared, now=now)
    slice_ = Slice(load, package, zone, Names(limits), now, done)
    rows = await connection.fetch(statements.TO_APPLY, load["id"], load["applied_to"] or "", upto)
    if rows:
        slice_.lie = {row["line"]: row["at"] for row in rows}
        entries = await asyncio.to_thread(_gather, rows)
        await slice_.look(connection, entries)
        await asyncio.to_thread(slice_.take_all, entries)
    if not load["dry_run"]:
        await slice_.write(connection)
    await slice_.tell(connection, upto=upto)


def _gather(rows: Sequence[Any]) -> list[Entry]:
    return [
        gathered(key, [(each["line"], each["cells"]) for each in group])
        for key, group in groupby(rows, key=lambda each: each["key"])
    ]
