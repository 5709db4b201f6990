"""Which sets a title belongs to, by their rules. No I/O."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

from catalog.search.documents import TitleDocument
from catalog.search.grammar import Node, parse
from catalog.search.matching import fields_of, matches


@dataclass(frozen=True, slots=True)
class SetRule:
    """A set: every condition that is told must hold, by any of its values; a set without any holds all titles."""

    code: str
    name: str = ""
    description: str = ""
    material_types: tuple[str, ...] = ()
    """Of an item."""
    libraries: tuple[str, ...] = ()
    locations: tuple[str, ...] = ()
    """`LIBRARY/LOCATION`."""
    languages: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()
    query: str = ""
    """See docs/search-query.md."""


@dataclass(frozen=True, slots=True)
class Sorter:
    """All sets, with their queries read."""

    rules: tuple[SetRule, ...]
    trees: tuple[Node | None, ...]

    @classmethod
    def of(cls, rules: Iterable[SetRule]) -> "Sorter":
        """Read the rules' queries; `QueryProblem` for one that cannot be (none such is configured)."""
        told = tuple(rules)
        return cls(told, tuple(parse(rule.query) if rule.query else None for rule in told))

    def digest(self) -> str:
        """Differs when a title may belong elsewhere."""
        said = [
            [getattr(rule, each.name) for each in fields(rule) if each.name not in ("name", "description")]
            for rule in self.rules
        ]
        return hashlib.sha256(json.dumps(said).encode()).hexdigest() if said else ""

    def sets_of(self, title: TitleDocument, places: Sequence[str]) -> list[str]:
        """The sets of a title, whose items stand in these places (`LIBRARY/LOCATION`)."""
        held = fields_of(title) if any(tree is not None for tree in self.trees) else {}
        return [
            rule.code
            for rule, tree in zip(self.rules, self.trees, strict=True)
            if _any(rule.material_types, title.material_types)
            and _any(rule.libraries, title.libraries)
            and _any(rule.locations, places)
            and _any(rule.languages, title.languages)
            and _any(rule.formats, (title.format,))
            and (tree is None or matches(tree, held))
        ]


def _any(wanted: Sequence[str], found: Sequence[str]) -> bool:
    return not wanted or any(each in wanted for each in found)
