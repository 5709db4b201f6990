"""The items that a slice's records tell of: found again, made, or set aside with a reason."""

from collections import Counter, defaultdict
from collections.abc import Collection, Container, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from catalog.callnumbers.rules import shelving_key
from catalog.history.statements import whoever
from catalog.imports import statements as sql
from catalog.imports.described import (
    DESCRIBED,
    NOT_DESCRIBED,
    as_columns,
    described,
)
from catalog.imports.held import Held
from catalog.imports.holding import Holding
from catalog.imports.places import Places
from catalog.imports.reading import Prepared
from catalog.imports.rules import ItemData, Outcome, merged, reason
from catalog.imports.telling import new_item
from catalog.legacy.queries import known
from catalog.marc.items import ItemFacts, ItemProfile
from catalog.marc.prices import price_of
from catalog.profiles.rules import ItemPlan, Plan
from catalog.search.documents import Copies
from catalog.titles.facts import TitleColumns
from chassis.database import Connection
from chassis.ids import uuid7s_ahead
from chassis.json import dumped
from contracts.events import Event

NOTHING: Final = ItemProfile("", "", {})
Shelved = dict[str, tuple[UUID, UUID, ItemData, str] | None]
"""By barcode: item, title, facts, base state; None for one that this file gives to several titles."""


class Shelving:
    """One slice's items."""

    def __init__(
        self, places: Places, default_location: UUID | None, now: datetime, *, plan: Plan, import_id: UUID
    ) -> None:
        self._places = places
        self._default = default_location
        self._now = now
        self._plan = plan.items or ItemPlan(NOTHING)
        self._suppressed = plan.suppress
        self._prefix = ""
        self._import_id = import_id
        self._holdings: dict[tuple[UUID, UUID, str], UUID] = {}
        self._elsewhere: dict[UUID, UUID] = {}
        """Holdings that stand elsewhere for a time, and where."""
        self._shelving_keys: dict[str, str | None] = {}
        self._by_barcode: Shelved = {}
        self._unmarked: dict[UUID, list[ItemData]] = defaultdict(list)
        self._new_holdings: list[tuple[Any, ...]] = []
        self._new_items: list[tuple[Any, ...]] = []
        self._announced_of: list[int] = []
        """Which of the new items each of those announced is."""
        self._described_items: dict[UUID, Mapping[str, Any]] = {}
        """New items of which more is told than usual, and what."""
        self._item_ids, self._holdings_ids = uuid7s_ahead(), uuid7s_ahead()
        self._updates: dict[UUID, tuple[UUID, ItemData]] = {}
        self._late: list[UUID] = []
        self._of_new: dict[UUID, list[ItemData]] = defaultdict(list)
        self._new_titles: Container[UUID] = ()
        self._deleted: set[UUID] = set()
        self._used: set[UUID] = set()
        self._fresh: set[UUID] = set()
        """Holdings that this slice makes."""
        self._holding = (
            Holding(plan.embedded, now, import_id=import_id) if plan.embedded is not None else None
        )
        self._source = plan.legacy.source if plan.legacy is not None else None
        self._legacy: dict[str, UUID] = {}
        self.legacy: dict[str, UUID] = {}
        """Items by what the system knew them by that they are brought from."""
        self.announced: list[dict[str, Any]] = []
        """New items of new titles, as events tell of them."""
        self.touched: list[UUID] = []
        """Titles whose items are not what they were."""
        self.unchanged = 0
        self.problems = 0

    @property
    def created(self) -> int:
        """New items."""
        return len(self._new_items)

    @property
    def updated(self) -> int:
        """Items with other facts than before."""
        return len(self._updates)

    @property
    def changed(self) -> Collection[UUID]:
        """Those whose state must be read to be told: changed ones, and new ones of titles known before."""
        return dict.fromkeys((*self._late, *self._updates))

    @property
    def written(self) -> list[UUID]:
        """Every item that this slice wrote."""
        return [*(row[0] for row in self._new_items), *self._updates]

    def copies(self, title_id: UUID, hrid: int) -> Copies:
        """What the index is to know of a new title beside its record: its items, all of them to be had."""
        barcodes: list[str] = []
        libraries: dict[str, None] = {}
        locations: dict[str, None] = {}
        materials: dict[str, None] = {}
        numbers: dict[str, None] = {}
        items = self._of_new.get(title_id, ())
        for told in items:
            library, location = self._places.codes[told.elsewhere or told.location_id]
            libraries[library] = locations[location] = materials[told.material_type] = None
            if told.barcode is not None:
                barcodes.append(told.barcode)
            if told.call_number:
                numbers[told.call_number] = None
        return Copies(
            str(title_id),
            hrid,
            self._suppressed,
            barcodes,
            [*libraries],
            [*locations],
            [*materials],
            [*numbers],
            len(items),
            len(items),
        )

    async def shelve(
        self,
        connection: Connection,
        outcomes: Sequence[tuple[Prepared, Outcome, UUID | None]],
        titles: Mapping[UUID, TitleColumns | None],
        *,
        new: Container[UUID],
        by: str,
    ) -> None:
        """Find, make or change the items; reasons are added to the records that told of them."""
        await self._plan_all(connection, outcomes, titles, new)
        await self._write_new(connection)
        if self._holding is not None:
            await self._holding.write(connection, by=by)
        if self._updates:
            await self._write_updates(connection)

    async def rehearse(
        self,
        connection: Connection,
        outcomes: Sequence[tuple[Prepared, Outcome, UUID | None]],
        titles: Mapping[UUID, TitleColumns | None],
        *,
        new: Container[UUID],
        before: Shelved,
    ) -> None:
        """The same without a write; `before` has the items that the slices before this one would have written."""
        await self._plan_all(connection, outcomes, titles, new, before)

    async def events(self, connection: Connection) -> list[Event]:
        """What other services hear of holdings that records told of."""
        return await self._holding.events(connection) if self._holding is not None else []

    def written_by_barcode(self) -> Shelved:
        """What this slice has written, or would have."""
        written = [row[1] for row in self._new_items] + [told.barcode for _, told in self._updates.values()]
        return {barcode: self._by_barcode[barcode] for barcode in written if barcode is not None}

    async def _plan_all(
        self,
        connection: Connection,
        outcomes: Sequence[tuple[Prepared, Outcome, UUID | None]],
        titles: Mapping[UUID, TitleColumns | None],
        new: Container[UUID],
        before: Shelved | None = None,
    ) -> None:
        self._new_titles = new
        self._prefix = self._places.prefixes["item"]
        await self._look(connection, outcomes, [title_id for title_id in titles if title_id not in new])
        self._by_barcode |= before or {}
        for each, _, title_id in outcomes:
            if title_id is None:
                continue
            unmarked = Counter(kept.shelf_mark for kept in self._unmarked[title_id])
            for item in each.items:
                self._place(each, item, title_id, titles[title_id], unmarked)
            for held in each.held:
                self._hold(each, held, title_id)

    async def _look(
        self,
        connection: Connection,
        outcomes: Sequence[tuple[Prepared, Outcome, UUID | None]],
        known_titles: list[UUID],
    ) -> None:
        barcodes = [item.barcode for each, _, _ in outcomes for item in each.items if item.barcode]
        rows = list(await connection.fetch(sql.BY_BARCODE, barcodes)) if barcodes else []
        if known_titles:
            rows += await connection.fetch(sql.BY_TITLE, known_titles)
            for row in await connection.fetch(sql.HOLDINGS, known_titles):
                self._holdings[row["title_id"], row["location_id"], row["call_number"]] = row["id"]
                if row["temporary_location_id"] is not None:
                    self._elsewhere[row["id"]] = row["temporary_location_id"]
                if row["deleted_at"] is not None:
                    self._deleted.add(row["id"])
            if self._holding is not None:
                await self._holding.look(connection, known_titles)
        if self._source is not None:
            brought = [item.legacy_id for each, _, _ in outcomes for item in each.items if item.legacy_id]
            self._legacy = await known(connection, self._source, "item", brought)
        for row in rows:
            kept = ItemData(**{name: row[name] for name in ItemData.__slots__})
            if kept.barcode is not None:
                self._by_barcode[kept.barcode] = (row["id"], row["title_id"], kept, row["base_state"])
            else:
                self._unmarked[row["title_id"]].append(kept)

    def _hold(self, each: Prepared, held: Held, title_id: UUID) -> None:
        """Holdings that a record tells of beside its items, or is: found by their place, or made."""
        assert self._holding is not None
        place = self._places.location_of(held.library, held.location) or self._default
        if place is None:
            named = "/".join(filter(None, (held.library, held.location))) or "no location"
            each.reasons.append(reason("location-unknown", f"Holdings stand at {named}."))
            self.problems += 1
            return
        key = (title_id, place, held.call_number or "")
        found = self._holdings.get(key)
        if (other := self._holding.elsewhere(title_id, held, found)) is not None:
            words = f"Holdings {other} have its number, and stand elsewhere; they are left alone."
            each.reasons.append(reason("holdings-elsewhere", words))
            self.problems += 1
            return
        if found is None and not self._holding.makes:
            each.reasons.append(reason("holdings-unknown", "The title has no holdings there."))
            return
        back = found in self._deleted
        shelf = self._stand(key)
        if self._holding.hold(each, held, shelf, made=shelf in self._fresh) or back:
            self.touched.append(title_id)

    def _place(
        self,
        each: Prepared,
        item: ItemFacts,
        title_id: UUID,
        title: TitleColumns | None,
        unmarked: Counter[Any],
    ) -> None:
        told = self._told(each, item)
        if told is None:
            self.problems += 1
            return
        brought = item.legacy_id if self._source is not None else None
        if told.barcode is None:
            if brought is not None and brought in self._legacy:
                self.unchanged += 1
                return
            if brought is None and unmarked[told.shelf_mark] > 0:
                unmarked[told.shelf_mark] -= 1
                self.unchanged += 1
                return
            self._unmarked[title_id].append(told)
        elif told.barcode in self._by_barcode:
            item_id = self._meet(each, told, title_id)
            if brought is not None and item_id is not None:
                self.legacy.setdefault(brought, item_id)
            return
        if not self._plan.create:
            named = f"Item {told.barcode or '(no barcode)'} is not here, and none is to be made."
            each.reasons.append(reason("item-unknown", named))
            return
        if not self._may_stand(told, title_id):
            named = f"Item {told.barcode or '(no barcode)'} would need holdings that the title has not."
            each.reasons.append(reason("holdings-unknown", named))
            return
        item_id = self._make(told, title_id, title)
        if brought is not None:
            self.legacy.setdefault(brought, item_id)
            self._legacy.setdefault(brought, item_id)

    def _may_stand(self, told: ItemData, title_id: UUID) -> bool:
        """Whether it goes where the title has holdings, or may have others."""
        place = (title_id, told.location_id, told.call_number or "")
        return self._plan.new_holdings or place in self._holdings

    def _told(self, each: Prepared, item: ItemFacts) -> ItemData | None:
        """The item's facts with our own codes; None when it has no place."""
        place = self._places.location(item) or self._default
        if place is None:
            named = "/".join(filter(None, (item.library, item.location))) or "no location"
            each.reasons.append(
                reason("location-unknown", f"Item {item.barcode or '(no barcode)'} stands at {named}.")
            )
            return None
        material, loan, reasons = self._places.types(item)
        each.reasons += reasons
        bought = self._price(each, item, item.purchase_price)
        replaced = self._price(each, item, item.replacement_price)
        return ItemData(
            item.barcode,
            place,
            material,
            loan,
            item.call_number,
            item.volume,
            item.copy,
            item.note,
            *bought,
            *replaced,
            self._described(each, item) if item.described is not None else None,
        )

    def _described(self, each: Prepared, item: ItemFacts) -> dict[str, Any] | None:
        """What is told of few items; what is not known here is told, and the item taken without it."""
        told = item.described or {}
        columns, reasons = described(told, self._places.described)
        if (written := told.get("temporary_location")) is not None:
            if (place := self._places.for_a_time(item, written)) is not None:
                columns["temporary_location_id"] = str(place)
            else:
                named = f"Item {item.barcode or '(no barcode)'} stands at {written!r} for a time."
                reasons.append(reason("temporary-location-unknown", named))
        each.reasons += reasons
        return columns or None

    def _price(self, each: Prepared, item: ItemFacts, text: str | None) -> tuple[int | None, str | None]:
        """Its amount and currency; what cannot be read is told, and the item taken without it."""
        if text is None:
            return None, None
        found = price_of(text, currency=self._places.currency)
        if found is None:
            told = f"Item {item.barcode or '(no barcode)'} costs {text!r}."
            each.reasons.append(reason("price-unreadable", told))
        return found or (None, None)

    def _meet(self, each: Prepared, told: ItemData, title_id: UUID) -> UUID | None:
        """The barcode is there already: the same item, which is told, or somebody else's."""
        assert told.barcode is not None
        found = self._by_barcode[told.barcode]
        if found is None or found[1] != title_id:
            self.problems += 1
            holder = "this file" if found is None else f"item {found[0]}"
            each.reasons.append(reason("barcode-taken", f"Barcode {told.barcode} is taken by {holder}."))
            return None
        item_id, _, kept, base_state = found
        after = merged(kept, told)
        if after == kept or base_state == "withdrawn" or not self._plan.update:
            self.unchanged += 1
            return item_id
        if not self._may_stand(after, title_id):
            self.problems += 1
            words = f"Item {told.barcode} would need holdings that the title has not."
            each.reasons.append(reason("holdings-unknown", words))
            return item_id
        self._updates[item_id] = (self._shelf(title_id, after), after)
        self._by_barcode[told.barcode] = (item_id, title_id, after, base_state)
        self.touched.append(title_id)
        return item_id

    def _make(self, told: ItemData, title_id: UUID, title: TitleColumns | None) -> UUID:
        item_id, holdings_id = next(self._item_ids), self._shelf(title_id, told)
        place = told.elsewhere or self._elsewhere.get(holdings_id, told.location_id)
        self._new_items.append(
            (
                item_id,
                told.barcode,
                holdings_id,
                title_id,
                place,
                told.location_id if place != told.location_id else None,
                told.material_type,
                told.loan_type,
                told.volume,
                told.copy_number,
                told.note,
                told.purchase_minor,
                told.purchase_currency,
                told.replacement_minor,
                told.replacement_currency,
                self._now,
                self._now,
                self._import_id,
                self._prefix,
            )
        )
        if told.described is not None:
            self._described_items[item_id] = told.described
        if told.barcode is not None:
            self._by_barcode[told.barcode] = (item_id, title_id, told, "active")
        self.touched.append(title_id)
        if title is None or title_id not in self._new_titles:
            self._late.append(item_id)
            return item_id
        self._of_new[title_id].append(told)
        self._announced_of.append(len(self._new_items) - 1)
        self.announced.append(
            new_item(
                told,
                item_id,
                holdings_id,
                title_id,
                short_title=title.short_title,
                short_author=title.short_author,
                suppressed=self._suppressed,
                now=self._now,
            )
        )
        return item_id

    def _shelf(self, title_id: UUID, told: ItemData) -> UUID:
        """The holdings for an item, found or made."""
        return self._stand((title_id, told.location_id, told.call_number or ""))

    def _stand(self, key: tuple[UUID, UUID, str]) -> UUID:
        """The holdings of a title at a location under a call number, found or made."""
        found = self._holdings.get(key)
        if found is None:
            found = self._holdings[key] = next(self._holdings_ids)
            self._fresh.add(found)
            call_number = key[2]
            if call_number not in self._shelving_keys:  # a title's copies mostly share theirs
                self._shelving_keys[call_number] = shelving_key(call_number)
            place = self._shelving_keys[call_number]
            prefix = self._places.prefixes["holdings"]
            self._new_holdings.append((found, *key, self._now, self._now, place, self._import_id, prefix))
        self._used.add(found)
        return found

    async def _write_new(self, connection: Connection) -> None:
        if self._new_holdings:
            await connection.copy_records_to_table(
                "holdings", records=self._new_holdings, columns=sql.HOLDINGS_COLUMNS
            )
        if self._deleted & self._used:
            await connection.execute(sql.REVIVE, list(self._deleted & self._used), self._now, whoever())
        if self._new_items:
            columns: tuple[str, ...] = (*sql.ITEM_COLUMNS, "hrid")
            numbers = await connection.fetchval(sql.NUMBERS["item"], len(self._new_items))
            rows = [(*row, number) for row, number in zip(self._new_items, numbers, strict=True)]
            for facts, place in zip(self.announced, self._announced_of, strict=True):
                facts["record_number"] = f"{self._prefix}{numbers[place]}"
            if described := self._described_items:
                columns = (*columns, *DESCRIBED)
                rows = [
                    (*row, *(as_columns(described[row[0]]) if row[0] in described else NOT_DESCRIBED))
                    for row in rows
                ]
            await connection.copy_records_to_table("item", records=rows, columns=columns)

    async def _write_updates(self, connection: Connection) -> None:
        rows = [(item_id, holdings_id, told) for item_id, (holdings_id, told) in self._updates.items()]
        await connection.execute(sql.REMEMBER, self._import_id, list(self._updates))
        await connection.execute(
            sql.UPDATE,
            [row[0] for row in rows],
            [row[1] for row in rows],
            [row[2].location_id for row in rows],
            [row[2].material_type for row in rows],
            [row[2].loan_type for row in rows],
            [row[2].volume for row in rows],
            [row[2].copy_number for row in rows],
            [row[2].note for row in rows],
            self._now,
            *([getattr(row[2], name) for row in rows] for name in sql.PRICES),
            [dumped(row[2].described or {}).decode() for row in rows],
            whoever(),
        )
        await connection.execute(sql.REMEMBER_AFTER, self._import_id, list(self._updates))
