"""A made export of FOLIO."""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime, time
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid5

from carrel.kits.made import BERLIN, MadeLibrary
from carrel.kits.sampling import Codes, record, until, utc
from catalog.marc import marcjson
from catalog.marc.record import Field

SPACE: Final = UUID("6c1f2f0a-5b0e-4f6e-9a57-0d9f4f0a7c11")


def folio_id(kind: str, number: int | str) -> str:
    """A made FOLIO's id."""
    return str(uuid5(SPACE, f"{kind} {number}"))


def folio(made: MadeLibrary, folder: Path, codes: Codes) -> None:
    """Documents of the APIs, an object to a line; reference data as whole documents."""

    def lines(name: str, rows: Iterable[Mapping[str, Any]]) -> None:
        text = "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)
        (folder / f"{name}.ndjson").write_text(text, encoding="utf-8")

    def reference(name: str, within: str, section: str, told: str) -> None:
        found = [{"id": folio_id(section, code), told: code} for code in codes[section].values()]
        (folder / f"{name}.json").write_text(
            json.dumps({within: found, "totalRecords": len(found)}, indent=1)
        )

    def ref(section: str, word: str) -> str:
        return folio_id(section, codes[section][word])

    reference("locations", "locations", "places", "code")
    reference("material-types", "mtypes", "material_types", "name")
    reference("loan-types", "loantypes", "loan_types", "name")
    reference("groups", "usergroups", "patron_groups", "group")
    reference("service-points", "servicepoints", "service_points", "code")
    titles = [(folio_id("instance", t.number), t) for t in made.titles]
    lines(
        "instances",
        ({"id": id_, "hrid": f"in{t.number:011}", "source": "MARC", "title": t.title} for id_, t in titles),
    )
    lines(
        "srs",
        (
            {
                "id": folio_id("source", t.number),
                "state": "ACTUAL",
                "externalIdsHolder": {"instanceId": id_, "instanceHrid": f"in{t.number:011}"},
                "parsedRecord": {
                    "content": json.loads(
                        marcjson.dumps(
                            record(
                                t, Field.data("999", "ff", ("i", id_), ("s", id_)), number=f"in{t.number:011}"
                            )
                        )
                    )
                },
            }
            for id_, t in titles
        ),
    )
    lines(
        "holdings",
        (
            {
                "id": folio_id("holdings", item.number),
                "instanceId": folio_id("instance", item.title),
                "permanentLocationId": ref("places", f"{item.library}/{item.shelf}"),
                "callNumber": item.call_number,
            }
            for item in made.items
        ),
    )
    lines(
        "items",
        (
            {
                "id": folio_id("item", item.number),
                "holdingsRecordId": folio_id("holdings", item.number),
                "materialTypeId": ref("material_types", item.kind),
                "permanentLoanTypeId": ref("loan_types", item.lending),
                "status": {"name": "Available"},
                **{
                    name: value
                    for name, value in (
                        ("barcode", item.barcode),
                        ("volume", item.volume),
                        ("copyNumber", item.copy),
                    )
                    if value
                },
            }
            for item in made.items
        ),
    )
    lines(
        "users",
        (
            {
                "id": folio_id("user", p.number),
                "externalSystemId": p.user,
                "barcode": p.barcode,
                "active": True,
                "patronGroup": ref("patron_groups", p.group),
                "expirationDate": until(p.expires).strftime("%Y-%m-%dT%H:%M:%S.000+0000"),
                "personal": {"lastName": p.family, "firstName": p.given, "email": p.email},
            }
            for p in made.patrons
        ),
    )
    lines(
        "loans",
        (
            {
                "id": folio_id("loan", loan.number),
                "userId": folio_id("user", loan.patron),
                "itemId": folio_id("item", loan.item),
                "loanDate": utc(loan.lent),
                "dueDate": loan.due.replace(tzinfo=BERLIN).isoformat(),
                "status": {"name": "Open"},
                "renewalCount": loan.renewals,
                "checkoutServicePointId": ref("service_points", loan.library),
            }
            for loan in made.loans
        ),
    )
    lines(
        "requests",
        (
            {
                "id": folio_id("request", h.number),
                "requestType": "Hold",
                "requestLevel": "Item" if h.item and not h.ready else "Title",
                "requestDate": utc(datetime.combine(h.placed, time(0))),
                "instanceId": folio_id("instance", h.title),
                "requesterId": folio_id("user", h.patron),
                "pickupServicePointId": ref("service_points", h.library),
                "position": h.place,
                "status": "Open - Awaiting pickup" if h.ready else "Open - Not yet filled",
                **({"itemId": folio_id("item", h.item)} if h.item else {}),
                **(
                    {
                        "holdShelfExpirationDate" if h.ready else "requestExpirationDate": until(
                            h.until
                        ).isoformat()
                    }
                    if h.until
                    else {}
                ),
            }
            for h in made.holds
        ),
    )
    lines(
        "accounts",
        (
            {
                "id": folio_id("account", f.number),
                "userId": folio_id("user", f.patron),
                "feeFineType": codes["fee_types"][f.kind],
                "amount": f.amount / 100,
                "remaining": f.remaining / 100,
                "status": {"name": "Open" if f.remaining else "Closed"},
                "metadata": {"createdDate": utc(datetime.combine(f.charged, time(0)))},
                **({"loanId": folio_id("loan", f.loan)} if f.loan else {}),
                **({"itemId": folio_id("item", f.item)} if f.item else {}),
            }
            for f in made.fees
        ),
    )
