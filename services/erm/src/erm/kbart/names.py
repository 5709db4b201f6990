"""Rows whose numbers nobody has heard of are looked for by what their titles are called."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from chassis.database import Connection
from erm.identifiers.rules import OWN
from erm.instances.likeness import ByName, Called, Limits, Other, by_name, core_of
from erm.instances.rules import Question, Title, Wanted
from erm.kbart import statements
from erm.kbart.gathering import Entry, called
from erm.kbart.rules import Flaw


@dataclass(slots=True)
class Names:
    """What is called almost as titles of a slice are."""

    limits: Limits
    near: dict[tuple[str, str], list[Other]] = field(default_factory=dict)
    """By kind and the core of the name that was looked for."""

    async def look(self, connection: Connection, asked: Iterable[tuple[Entry, Wanted]]) -> None:
        """Look for all of them at once: by the next names, or where a row has a number by the same name alone."""
        told: dict[tuple[str, str], bool] = {}
        for entry, wanted in asked:
            numbered = wanted.printed is not None or any(
                not name.namespace.startswith(OWN) for name in wanted.online
            )
            key = _key(entry)
            told[key] = numbered and told.get(key, True)
        if not told or self.limits.ask_from is None:
            return
        kinds, cores = map(list, zip(*told, strict=True))
        for row in await connection.fetch(statements.ALIKE, kinds, cores, list(told.values())):
            facts = (row[name] for name in ("name", "publisher", "first_author", "edition", "volume"))
            numbered_in = frozenset(
                (medium, name) for medium, _, name in (each.partition(" ") for each in row["numbered"])
            )
            title = Title(row["id"], row["work_id"], row["kind"], row["medium"])
            other = Other(title, Called(*facts), numbered_in)
            self.near.setdefault((row["kind"], row["core"]), []).append(other)

    def weigh(self, entry: Entry, wanted: Wanted, taken: object) -> ByName:
        """Which title it may be by its name."""
        names = (*wanted.online, *([wanted.printed] if wanted.printed else []))
        return by_name(
            called(entry.listed),
            wanted.kind,
            names,
            self.near.get(_key(entry), ()),
            taken=taken,  # type: ignore[arg-type]  # titles that other rows are about: asked by `in` alone
            limits=self.limits,
        )

    def told(self, entry: Entry, found: ByName) -> list[Flaw]:
        """What is said of it beside the row."""
        names = {other.title.id: other.called.name[:100] for other in self.near.get(_key(entry), ())}
        if found.title is not None and found.likeness is not None:
            why = f"{found.likeness.score} percent ({', '.join(found.likeness.why)})"
            text = f"No number tells; by its name it was taken for {names[found.title.id]!r}: {why}."
            return [Flaw("taken-by-name", text, "publication_title", "warning")]
        if not found.candidates:
            return []
        each = "; ".join(
            f"{names[other]!r}, {likeness.score} percent ({', '.join(likeness.why)})"
            for other, likeness in found.candidates
        )
        text = f"No number tells whether it is one that is called almost so: {each}. See the questions about titles."
        return [Flaw(Question.NAME_ALIKE, text, "publication_title", "warning")]


def _key(entry: Entry) -> tuple[str, str]:
    return entry.listed["publication_type"], core_of(entry.listed["publication_title"])
