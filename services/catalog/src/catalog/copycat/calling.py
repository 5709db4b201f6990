"""A server that speaks Z39.50 is searched by terms."""

from yarl import URL

from catalog.copycat.documents import CopySearchIn, TargetDoc
from chassis.association import associated
from chassis.guard import Guard
from contracts.z3950 import client
from contracts.z3950.client import MARC21, NoAnswer, Presented


async def called(
    target: TargetDoc, wanted: CopySearchIn, *, guard: Guard, limit: int
) -> tuple[int, Presented]:
    """How many titles were found, and the first of their records; `NoAnswer` says why there are none."""
    if wanted.cql is not None:
        raise NoAnswer("not asked: CQL is not spoken in Z39.50, search by terms")
    url = URL(target.url)
    async with associated(guard, url.host or "", url.port or 210, limit) as server:
        search = client.search(
            url.path.strip("/") or "Default", {str(name): term for name, term in wanted.terms.items()}
        )
        total = client.counted(await server.ask(search))
        return total, await server.records(min(total, wanted.limit), MARC21)
