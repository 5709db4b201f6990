"""Which service answers where. First match wins; a star stands for one segment."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Route:
    """A path pattern and the service behind it."""

    pattern: tuple[str, ...]
    service: str
    upload: bool = False
    """Takes large bodies, and time."""


def _route(pattern: str, service: str, *, upload: bool = False) -> Route:
    return Route(tuple(pattern.strip("/").split("/")), service, upload)


TABLE: Final = (
    _route("/v1/imports", "catalog", upload=True),
    _route("/v1/import-profiles", "catalog"),
    _route("/v1/search-targets", "catalog"),
    _route("/v1/copy-searches", "catalog"),
    _route("/v1/found-records", "catalog"),
    _route("/v1/titles/*/availability", "circulation"),
    _route("/v1/availability:batch", "circulation"),
    _route("/v1/availability:announce", "circulation"),
    _route("/v1/configuration/catalog", "catalog"),
    _route("/v1/configuration/circulation", "circulation"),
    _route("/v1/titles", "catalog"),
    _route("/v1/titles/*/cover", "catalog", upload=True),
    _route("/v1/covers", "catalog"),
    _route("/v1/titles:export", "catalog"),
    _route("/v1/titles:deleted", "catalog"),
    _route("/v1/title-id-lists", "catalog"),
    _route("/v1/lists", "catalog"),
    _route("/v1/queries:preview", "catalog"),
    _route("/v1/query-fields", "catalog"),
    _route("/v1/bulk-edits", "catalog"),
    _route("/v1/exports", "catalog"),
    _route("/v1/export-schedules", "catalog"),
    _route("/v1/links", "catalog"),
    _route("/v1/link-checks", "catalog"),
    _route("/v1/link-check-schedules", "catalog"),
    _route("/v1/holdings", "catalog"),
    _route("/v1/items", "catalog"),
    _route("/v1/items:announce", "catalog"),
    _route("/v1/items:move", "catalog"),
    _route("/v1/shelf", "catalog"),
    _route("/v1/record-numbers", "catalog"),
    _route("/v1/headings", "catalog"),
    _route("/v1/label-templates", "catalog"),
    _route("/v1/label-sheets", "catalog"),
    _route("/v1/records:validate", "catalog"),
    _route("/v1/record-specifications", "catalog"),
    _route("/v1/record-templates", "catalog"),
    _route("/v1/record-macros", "catalog"),
    _route("/v1/fixed-fields", "catalog"),
    _route("/v1/fixed-fields:take-apart", "catalog"),
    _route("/v1/fixed-fields:put-together", "catalog"),
    _route("/v1/fast-additions", "catalog"),
    _route("/v1/withdrawals", "catalog"),
    _route("/v1/locations", "catalog"),
    _route("/v1/libraries", "catalog"),
    _route("/v1/search-index", "catalog"),
    _route("/v1/works", "catalog"),
    _route("/v1/works:rebuild", "catalog"),
    _route("/oai", "catalog"),
    _route("/sru", "catalog"),
    _route("/unapi", "catalog"),
    _route("/", "catalog"),
    _route("/search", "catalog"),
    _route("/browse", "catalog"),
    _route("/search.atom", "catalog"),
    _route("/search.rss", "catalog"),
    _route("/opensearch.xml", "catalog"),
    _route("/titles", "catalog"),
    _route("/robots.txt", "catalog"),
    _route("/sitemap.xml", "catalog"),
    _route("/sitemaps", "catalog"),
    _route("/opds", "catalog"),
    _route("/v1/service-points", "circulation"),
    _route("/v1/patron-groups", "circulation"),
    _route("/v1/patron-loads", "circulation", upload=True),
    _route("/v1/patrons", "circulation"),
    _route("/v1/patron-edits", "circulation"),
    _route("/v1/questions", "circulation"),
    _route("/v1/questions:ask", "circulation"),
    _route("/v1/question-fields", "circulation"),
    _route("/v1/card-pins", "circulation"),
    _route("/v1/loans", "circulation"),
    _route("/v1/loans:renew", "circulation"),
    _route("/v1/loans:batch", "circulation"),
    _route("/v1/returns", "circulation"),
    _route("/v1/returns:batch", "circulation"),
    _route("/v1/offline-uploads", "circulation"),
    _route("/v1/transits", "circulation"),
    _route("/v1/in-house-uses", "circulation"),
    _route("/v1/desk-sessions", "circulation"),
    _route("/v1/holds", "circulation"),
    _route("/v1/hold-groups", "circulation"),
    _route("/v1/pickup-appointments", "circulation"),
    _route("/v1/fees", "circulation"),
    _route("/v1/cash-drawers", "circulation"),
    _route("/v1/bursar-exports", "circulation"),
    _route("/ncip", "circulation"),
    _route("/v1/ill", "ill"),
    _route("/v1/ill/requests/*/document", "ill", upload=True),
    _route("/iso18626", "ill"),
    _route("/v1/configuration/ill", "ill"),
    _route("/v1/acquisition-units", "erm"),
    _route("/v1/organisations", "erm"),
    _route("/v1/fiscal-years", "erm"),
    _route("/v1/ledgers", "erm"),
    _route("/v1/ledgers:rebuild", "erm"),
    _route("/v1/funds", "erm"),
    _route("/v1/fund-groups", "erm"),
    _route("/v1/expense-classes", "erm"),
    _route("/v1/exchange-rate-sources", "erm"),
    _route("/v1/exchange-rates", "erm"),
    _route("/v1/budgets", "erm"),
    _route("/v1/fund-transfers", "erm"),
    _route("/v1/rollovers", "erm"),
    _route("/v1/orders", "erm"),
    _route("/v1/order-lines", "erm"),
    _route("/v1/receipts", "erm"),
    _route("/v1/routing-lists", "erm"),
    _route("/v1/routing-rounds", "erm"),
    _route("/v1/bindings", "erm"),
    _route("/v1/bindery-shipments", "erm"),
    _route("/v1/claims", "erm"),
    _route("/v1/invoices", "erm"),
    _route("/v1/batch-groups", "erm"),
    _route("/v1/vouchers", "erm"),
    _route("/v1/voucher-batches", "erm"),
    _route("/v1/voucher-payments", "erm"),
    _route("/v1/voucher-deliveries", "erm"),
    _route("/v1/edifact-accounts", "erm"),
    _route("/v1/edifact-interchanges", "erm", upload=True),
    _route("/v1/edifact-messages", "erm"),
    _route("/v1/despatch-advices", "erm"),
    _route("/v1/vendor-order-accounts", "erm"),
    _route("/v1/vendor-orders", "erm"),
    _route("/v1/platforms", "erm"),
    _route("/v1/packages/*/loads", "erm", upload=True),
    _route("/v1/packages", "erm"),
    _route("/v1/package-items", "erm"),
    _route("/v1/withdrawn-items", "erm"),
    _route("/v1/package-loads", "erm"),
    _route("/v1/load-sessions", "erm"),
    _route("/v1/kb-feeds", "erm"),
    _route("/v1/list-sources", "erm"),
    _route("/v1/title-instances", "erm"),
    _route("/v1/title-reviews", "erm"),
    _route("/v1/licences", "erm"),
    _route("/v1/licences:compare", "erm"),
    _route("/v1/licence-terms", "erm"),
    _route("/v1/onix-pl-imports", "erm"),
    _route("/v1/agreements", "erm"),
    _route("/v1/agreement-lines", "erm"),
    _route("/v1/perpetual-rights", "erm"),
    _route("/v1/trials", "erm"),
    _route("/v1/title-transfers", "erm"),
    _route("/v1/title-transfer-tasks", "erm"),
    _route("/openurl", "erm"),
    _route("/v1/configuration/erm", "erm"),
    _route("/v1/rules:explain", "circulation"),
    _route("/v1/discrepancies", "circulation"),
    _route("/v1/rules", "circulation"),
    _route("/v1/migrations/*/titles", "catalog"),
    _route("/v1/migrations/*/items", "catalog"),
    _route("/v1/migrations", "circulation"),
)


class Table:
    """Looks a path up: by its first one or two segments, then by pattern. A pattern covers what lies below it."""

    def __init__(self, routes: tuple[Route, ...] = TABLE) -> None:
        self._by_head: dict[tuple[str, ...], list[Route]] = {}
        for route in routes:
            self._by_head.setdefault(route.pattern[:2], []).append(route)

    def find(self, path: str) -> Route | None:
        """The route of a path; None when the gateway answers itself.

        A request line may hold a path without its slash; glued to a service's address it would name a host.
        """
        if not path.startswith("/"):
            return None
        segments = tuple(path.strip("/").split("/"))
        for head in (segments[:2], segments[:1]):
            for route in self._by_head.get(head, ()):
                if len(segments) >= len(route.pattern) and all(
                    wanted in ("*", found) for wanted, found in zip(route.pattern, segments, strict=False)
                ):
                    return route
        return None
