"""A large list: each row taken or told why not, and never more of it in memory than a part or a slice."""

from typing import Any

from asyncpg.connection import LoggedQuery
from stdnum.issn import calc_check_digit

from erm.kbart.receiving import PART
from erm.kbart.worker import SLICE
from support.knowing import Knowledge, listing

ROWS = 20_000
WRONG = range(999, ROWS, 1000)


def large() -> bytes:
    """Serials with a number each; one row in a thousand has a day that is none."""
    header, usual = listing({"publication_title": "{n}", "online_identifier": "{issn}", "title_id": "t{n}",
                             "date_first_issue_online": "{day}"}).decode().splitlines()  # fmt: skip
    rows = (
        usual.format(n=n, issn=issn_of(n), day="not-a-day" if n % 1000 == 999 else "1990")
        for n in range(ROWS)
    )
    return "\n".join([header, *rows, ""]).encode()


def issn_of(number: int) -> str:
    digits = f"{number:07}"
    return f"{digits[:4]}-{digits[4:]}{calc_check_digit(digits)}"


async def test_each_row_of_a_large_list_is_taken_or_told_and_never_is_all_of_it_held(kb: Knowledge) -> None:
    pool, at_once = kb.erm.resources.pool, 0

    def note(query: LoggedQuery) -> None:
        nonlocal at_once
        told: Any = query.args or ()
        at_once = max([at_once, *(len(each) for each in told if isinstance(each, list))])

    for connection in [await pool.acquire() for _ in range(pool.get_max_size())]:
        connection.add_query_logger(note)
        await pool.release(connection)
    package = await kb.package()
    load = (await kb.send(package, large(), "?dry_run=true")).json()
    parts = await pool.fetchrow("SELECT count(*) AS n, max(length(content)) AS size FROM kbart_part")
    await kb.work()

    done = await kb.get(f"/v1/package-loads/{load['id']}")
    assert (done["state"], done["rows_read"]) == ("finished-with-errors", ROWS)
    assert (done["rows"]["added"], done["rows"]["rejected"]) == (ROWS - len(WRONG), len(WRONG))
    wrong = await kb.get(f"/v1/package-loads/{load['id']}/rows?outcome=rejected&limit=100")
    assert [each["line"] for each in wrong["items"]] == [2 + n for n in WRONG]
    assert {each["reasons"][0]["code"] for each in wrong["items"]} == {"date-malformed"}
    assert await pool.fetchval("SELECT count(*) FROM kbart_row WHERE outcome IS NULL") == 0
    assert parts is not None
    assert parts["n"] > 5
    assert parts["size"] <= PART
    assert at_once <= 2 * SLICE < ROWS
