"""Addresses of the pages: what is kept from one to the next, in one order, so that a cache knows them again. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import urlencode

from catalog.search.documents import FACETS
from catalog.search.engine import SearchRequest

SORTS: Final = ("relevance", "-year", "year", "title", "author")
NARROWING: Final = (*FACETS, "year")
PAGE_SIZE: Final = 20
LAST_PAGE: Final = 500
"""The index gives hits up to the 10 000th."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a results page was asked for."""

    query: str = ""
    filters: Mapping[str, Sequence[str]] = field(default_factory=dict)
    sort: str = "relevance"
    page: int = 1
    language: str | None = None
    """As chosen; None: the browser's."""

    def search(self, facets: Sequence[str] = (), *, values: int = 0) -> SearchRequest:
        """The page as the index is asked for it, with so many values of each facet."""
        return SearchRequest(
            query=self.query,
            filters=self.filters,
            facets=facets,
            facet_size=values,
            sort=self.sort,
            limit=PAGE_SIZE,
            offset=(self.page - 1) * PAGE_SIZE,
            paged=True,
            suggest=True,
        )

    def parameters(self) -> list[tuple[str, str]]:
        """What says so again."""
        told = [("query", self.query)] if self.query else []
        told += [(f"filter[{name}]", value) for name in NARROWING for value in self.filters.get(name, ())]
        if self.sort != "relevance":
            told.append(("sort", self.sort))
        if self.page > 1:
            told.append(("page", str(self.page)))
        if self.language:
            told.append(("lang", self.language))
        return told

    def address(self, path: str = "/search", **changes: Any) -> str:
        """Where it is had, with these changes."""
        told = urlencode(replace(self, **changes).parameters())
        return f"{path}?{told}" if told else path

    def narrowed(self, name: str, value: str) -> str:
        """Where only what has this value is shown, from the first page on."""
        values = (*self.filters.get(name, ()), value)
        return self.address(filters={**self.filters, name: tuple(dict.fromkeys(values))}, page=1)

    def widened(self, name: str, value: str) -> str:
        """Where this value is asked for no more."""
        left = tuple(each for each in self.filters.get(name, ()) if each != value)
        return self.address(filters={**self.filters, name: left}, page=1)


def asked(parameters: Sequence[tuple[str, str]], languages: Sequence[str]) -> Asked:
    """An address's parameters; whatever is not understood is as if it were not there."""
    filters: dict[str, tuple[str, ...]] = {}
    plain: dict[str, str] = {}
    for name, value in parameters:
        if name.startswith("filter[") and name.endswith("]"):
            if (told := name[7:-1]) in NARROWING and value and len(value) <= 250:
                filters[told] = tuple(dict.fromkeys((*filters.get(told, ()), value)))[:20]
        else:
            plain.setdefault(name, value)
    page = plain.get("page", "1")
    return Asked(
        query=plain.get("query", "").strip()[:2000],
        filters=filters,
        sort=next((each for each in SORTS if each == plain.get("sort")), "relevance"),
        page=min(max(int(page), 1), LAST_PAGE) if page.isascii() and page.isdigit() and len(page) < 6 else 1,
        language=plain["lang"] if plain.get("lang") in languages else None,
    )


def title_address(title_id: object, language: str | None = None) -> str:
    """A title's page."""
    return f"/titles/{title_id}" + (f"?lang={language}" if language else "")
