"""Acquisition units for tests: units, and people who buy with only what a test gives them."""

from typing import Any, Final

from chassis.principal import Principal
from support.acquiring import Make

BUYING: Final = frozenset(
    {
        "organisations:read",
        "organisations:write",
        "bank-accounts:read",
        "finance:read",
        "finance:write",
        "orders:read",
        "orders:write",
        "orders:approve",
        "orders:receive",
        "invoices:read",
        "invoices:write",
        "invoices:approve",
        "invoices:pay",
        "vouchers:read",
        "vouchers:export",
        "edifact:read",
        "edifact:write",
        "agreements:read",
        "agreements:write",
        "changes:read",
        "acquisition-units:read",
        "acquisition-units:assign",
    }
)


def buyer(name: str, *more: str) -> Principal:
    """Somebody who may buy, and whom units hold back."""
    return Principal("staff", name, BUYING | set(more))


async def unit(make: Make, name: str, *members: str, **protects: bool) -> str:
    """A unit of these members of staff; its id. It keeps everything to itself unless a test says otherwise."""
    body = {"name": name, "protect_read": True} | protects
    told = await make.post("/v1/acquisition-units", body)
    for member in members:
        answer = await make.erm.put(f"/v1/acquisition-units/{told['id']}/members/staff:{member}")
        assert answer.status_code == 200, answer.text
    return str(told["id"])


async def put_into(make: Make, path: str, record: dict[str, Any], *units: str) -> Any:
    """Say which units a record belongs to, as whoever is asking; the answer."""
    return await make.erm.put(
        f"{path}/{record['id']}/acquisition-units",
        json={"acquisition_unit_ids": list(units)},
        headers={"If-Match": f'"{(await _version(make, path, record))}"'},
    )


async def _version(make: Make, path: str, record: dict[str, Any]) -> int:
    table = {"/v1/orders": "purchase_order"}.get(path, path.rsplit("/", 1)[1].rstrip("s"))
    version: int = await make.erm.resources.pool.fetchval(
        f"SELECT version FROM {table} WHERE id = $1",
        record["id"],
    )
    return version
