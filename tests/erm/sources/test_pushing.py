"""A list that is pushed in chunks: in any order, each as often as need be, and one list once all are there."""

import asyncio
from typing import Any

import httpx

from erm.kbart.rules import COLUMNS
from support.knowing import Knowledge, listing

ROWS = [{"publication_title": f"Title {n}", "title_id": f"t{n}"} for n in range(10)]
CHUNKS = [listing(*ROWS[at : at + 4]).partition(b"\n")[2] for at in (0, 4, 8)]


async def opened(kb: Knowledge, **more: Any) -> tuple[dict[str, Any], str]:
    package = await kb.package()
    session = await kb.post(f"/v1/packages/{package['id']}/load-sessions", {"columns": list(COLUMNS)} | more)
    return package, f"/v1/load-sessions/{session['load_id']}"


async def put(kb: Knowledge, path: str, number: int, content: bytes) -> httpx.Response:
    return await kb.erm.put(
        f"{path}/chunks/{number}", content=content, headers={"Content-Type": "text/tab-separated-values"}
    )


async def test_chunks_in_any_order_are_one_list(kb: Knowledge) -> None:
    package, path = await opened(kb)
    sent = [await put(kb, path, number, CHUNKS[number - 1]) for number in (3, 1, 1)]
    early = await kb.erm.post(f"{path}/completions", json={"chunks": 3})
    last = CHUNKS[1].rstrip(b"\n").replace(b"\n", b"\r\n")
    sent.append(await put(kb, path, 2, last))
    seen = await kb.get(path)
    load = await kb.post(f"{path}/completions", {"chunks": 3}, expect=202)
    await kb.work()

    assert {each.status_code for each in sent} == {204}
    assert await kb.codes(early, 409) == ["chunks-missing"]
    assert [(each["ordinal"], each["lines"]) for each in seen["chunks"]] == [(1, 4), (2, 4), (3, 2)]
    done = await kb.get(f"/v1/package-loads/{load['id']}")
    assert (done["state"], done["lines"], done["titles"]["added"]) == ("finished", 10, 10)
    rows = (await kb.get(f"/v1/package-loads/{load['id']}/rows"))["items"]
    assert [(each["line"], each["name"]) for each in rows] == [(n + 2, f"Title {n}") for n in range(10)]
    assert (await kb.erm.get(path)).status_code == 404
    assert len(await kb.items(package)) == 10


async def test_a_chunk_that_is_not_taken_stands_in_the_log_of_its_session(kb: Knowledge) -> None:
    _, path = await opened(kb)
    await put(kb, path, 1, CHUNKS[0])
    told = [
        await kb.codes(await put(kb, path, 1, CHUNKS[1]), 422),
        await kb.codes(await put(kb, path, 2, b"\xff\xfe"), 422),
        await kb.codes(await put(kb, path, 0, b" \n"), 422),
        await kb.codes(await put(kb, path, 2, b"x" * (256 * 1024 + 1)), 422),
    ]
    session = await kb.get(path)
    over = await kb.erm.post(f"{path}/completions", json={"chunks": 1})

    assert told == [["chunk-differs"], ["not-utf-8"], ["chunk-number", "empty-body"], ["chunk-too-large"]]
    assert [(each["ordinal"], [one["code"] for one in each["reasons"]]) for each in session["errors"]] == [
        (2, ["chunk-too-large"]),
        (0, ["chunk-number", "empty-body"]),
        (2, ["not-utf-8"]),
        (1, ["chunk-differs"]),
    ]
    assert over.status_code == 202  # what was not taken is no part of it


async def test_columns_that_are_not_those_of_kbart_open_no_session(kb: Knowledge) -> None:
    package = await kb.package()
    answer = await kb.erm.post(f"/v1/packages/{package['id']}/load-sessions", json={"columns": ["title"]})

    assert "column-missing" in await kb.codes(answer, 422)
    assert (await kb.get(f"/v1/packages/{package['id']}/loads"))["items"] == []


async def test_a_session_is_completed_once_and_waits_for_no_other_list(kb: Knowledge) -> None:
    package, path = await opened(kb)
    await put(kb, path, 1, CHUNKS[0])

    told = await asyncio.gather(*(kb.erm.post(f"{path}/completions", json={"chunks": 1}) for _ in range(3)))
    other = await kb.post(f"/v1/packages/{package['id']}/load-sessions", {"columns": list(COLUMNS)})
    await put(kb, f"/v1/load-sessions/{other['load_id']}", 1, CHUNKS[1])
    busy = await kb.erm.post(f"/v1/load-sessions/{other['load_id']}/completions", json={"chunks": 1})

    assert sorted(each.status_code for each in told) == [202, 404, 404]
    assert await kb.codes(busy, 409) == ["load-under-way"]
