"""Titles in and out in every format, whole; stale changes and strangers are refused."""

import asyncio
import json
import re
from collections.abc import Callable

import pytest

from catalog.marc.iso2709 import dumps, loads
from catalog.marc.marcjson import dumps as as_json
from catalog.marc.marcxml import dumps as as_xml
from catalog.marc.record import Field, Record
from chassis.principal import ANONYMOUS, Principal
from contracts.catalog import ItemsAnnounced, TitleCreated, TitleUpdated
from support.harness import Harness
from support.shelves import Shelves, file_of, record

MARC = {"Content-Type": "application/marc"}
CATALOGUER = Principal("staff", "c", frozenset({"titles:read"}))


async def test_a_record_comes_out_as_it_went_in(catalog: Harness, shelves: Shelves) -> None:
    made = record("a").having(
        Field.data("880", "1 ", ("6", "100-01/$1"), ("a", "夏目, 漱石")),
        Field.data("999", "zz", ("x", ""), ("x", "é e\u0301"), ("9", "  spaces  ")),
    )

    title = await shelves.title(made)

    for kind in ("application/marc", "application/marcxml+xml", "application/marc+json"):
        answer = await catalog.get(f"/v1/titles/{title['id']}", headers={"Accept": kind})
        assert answer.headers["content-type"].startswith(kind)
        assert answer.headers["etag"] == '"1"'
    binary = await catalog.get(f"/v1/titles/{title['id']}", headers={"Accept": "application/marc"})
    composed = loads(dumps(made)).record
    assert composed is not None
    assert loads(binary.content).record == loads(dumps(composed)).record


@pytest.mark.parametrize(
    ("kind", "written"),
    [("application/marcxml+xml", as_xml), ("application/marc+json", as_json), ("application/marc", dumps)],
)
async def test_each_format_is_taken(
    catalog: Harness, shelves: Shelves, kind: str, written: Callable[[Record], bytes]
) -> None:
    answer = await catalog.post("/v1/titles", content=written(record("a")), headers={"Content-Type": kind})

    assert (answer.status_code, answer.json()["title"]) == (201, "Walden")
    assert answer.headers["location"] == f"/v1/titles/{answer.json()['id']}"


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("*/*", "application/json"),
        ("text/html;q=0.9, application/marc;q=0.2, application/marcxml+xml;q=0.4", "application/marcxml+xml"),
        ("application/*;q=0.5, application/json;q=0", "application/marc"),
        ("application/xml", "application/xml"),
        ("application/json;q=nonsense, application/marc+json;q=0.1", "application/marc+json"),
    ],
)
async def test_the_format_liked_best_is_given(
    catalog: Harness, shelves: Shelves, accept: str, kind: str
) -> None:
    title = await shelves.title()

    answer = await catalog.get(f"/v1/titles/{title['id']}", headers={"Accept": accept})

    assert answer.headers["content-type"].partition(";")[0] == kind
    assert answer.headers["vary"] == "Accept"


@pytest.mark.parametrize(
    ("tags", "status"),
    [('"1"', 304), ('W/"1"', 304), ('"7", "1"', 304), ("*", 304), ('"2"', 200), ("1", 200), ("", 200)],
)
async def test_a_title_that_is_held_already_is_not_sent_again(
    catalog: Harness, shelves: Shelves, tags: str, status: int
) -> None:
    title = await shelves.title()

    answer = await catalog.get(
        f"/v1/titles/{title['id']}", headers={"If-None-Match": tags, "Accept": "application/marc"}
    )

    assert (answer.status_code, answer.headers["etag"], answer.headers["vary"]) == (status, '"1"', "Accept")
    assert bool(answer.content) == (status == 200)


async def test_what_cannot_be_given_or_read_is_said_clearly(catalog: Harness, shelves: Shelves) -> None:
    title = await shelves.title()

    given = await catalog.get(f"/v1/titles/{title['id']}", headers={"Accept": "text/html"})
    taken = await catalog.post("/v1/titles", json={"title": "x"})

    assert given.status_code == 406
    assert "application/marcxml+xml" in given.json()["reasons"][0]["text"]
    assert taken.status_code == 415
    assert "application/marc" in taken.json()["reasons"][0]["text"]


async def test_dublin_core_has_title_and_creator(catalog: Harness, shelves: Shelves) -> None:
    title = await shelves.title()

    answer = await catalog.get(f"/v1/titles/{title['id']}", headers={"Accept": "application/xml"})

    assert "<dc:title>Walden</dc:title>" in answer.text
    assert "<dc:creator>Thoreau, Henry David</dc:creator>" in answer.text


async def test_a_replaced_record_is_kept_as_a_version(catalog: Harness, shelves: Shelves) -> None:
    title = await shelves.title()
    path = f"/v1/titles/{title['id']}"

    answer = await catalog.put(
        path, content=dumps(record("r1", title="Walden Pond")), headers={**MARC, "If-Match": '"1"'}
    )

    assert (answer.status_code, answer.headers["etag"]) == (200, '"2"')
    assert answer.json()["hrid"] == title["hrid"]
    (version,) = (await catalog.get(f"{path}/versions")).json()["items"]
    assert (version["version"], version["replaced_by"]) == (1, "staff:test-desk")
    assert (await catalog.get(path, params={"version": 1})).json()["title"] == "Walden"
    (created,) = await catalog.announced(TitleCreated)
    (updated,) = await catalog.announced(TitleUpdated)
    assert (created.title.title, updated.version, updated.title.title) == ("Walden", 2, "Walden Pond")


async def test_the_same_record_again_is_no_change(catalog: Harness, shelves: Shelves) -> None:
    title = await shelves.title()

    answer = await catalog.put(
        f"/v1/titles/{title['id']}", content=dumps(record()), headers={**MARC, "If-Match": '"1"'}
    )

    assert answer.headers["etag"] == '"1"'
    assert await catalog.announced(TitleUpdated) == []


async def test_two_changes_at_once_are_one_change_and_one_refusal(catalog: Harness, shelves: Shelves) -> None:
    title = await shelves.title()

    answers = await asyncio.gather(
        *(
            catalog.put(
                f"/v1/titles/{title['id']}",
                content=dumps(record("r1", title=name)),
                headers={**MARC, "If-Match": '"1"'},
            )
            for name in ("One", "Two")
        )
    )

    assert sorted(answer.status_code for answer in answers) == [200, 412]


async def test_a_change_wants_the_tag_that_was_read(catalog: Harness, shelves: Shelves) -> None:
    title = await shelves.title()
    path = f"/v1/titles/{title['id']}"

    without = await catalog.put(path, content=dumps(record()), headers=MARC)
    stale = await catalog.put(path, content=dumps(record()), headers={**MARC, "If-Match": '"7"'})

    assert (without.status_code, stale.status_code) == (428, 412)
    assert stale.headers["etag"] == '"1"'


async def test_a_control_number_belongs_to_one_title(catalog: Harness, shelves: Shelves) -> None:
    title = await shelves.title(record("a"))
    other = await shelves.title(record("b"))

    twice = await catalog.post("/v1/titles", content=dumps(record("a", title="x")), headers=MARC)
    moved = await catalog.put(
        f"/v1/titles/{other['id']}", content=dumps(record("a")), headers={**MARC, "If-Match": '"1"'}
    )

    assert (twice.status_code, twice.json()["code"]) == (409, "control-number-taken")
    assert twice.json()["title_id"] == title["id"]
    assert moved.status_code == 409


async def test_an_unnumbered_title_can_be_changed_and_comes_again_as_itself(
    catalog: Harness, shelves: Shelves
) -> None:
    title = await shelves.title(record(None))
    await catalog.put(
        f"/v1/titles/{title['id']}",
        content=dumps(record(None, title="Changed here")),
        headers={**MARC, "If-Match": '"1"'},
    )

    job = await shelves.imported(file_of(record(None)))

    assert job["counts"]["updated"] == 1


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "no-record"),
        (dumps(record("a")) + dumps(record("b")), "several-records"),
        (dumps(record("a"))[:-40], "record-truncated"),
        (b"99999" + dumps(record("a"))[5:], "record-record-length"),
        (b"rubbish", "record-garbage"),
    ],
)
async def test_a_damaged_body_is_refused_in_words(
    catalog: Harness, shelves: Shelves, body: bytes, code: str
) -> None:
    answer = await catalog.post("/v1/titles", content=body, headers=MARC)

    assert answer.status_code == 422
    assert code in {reason["code"] for reason in answer.json()["reasons"]}
    assert await catalog.announced(TitleCreated) == []


async def test_xml_with_an_entity_is_refused(catalog: Harness, shelves: Shelves) -> None:
    body = b'<!DOCTYPE record [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + as_xml(record("a"))

    answer = await catalog.post(
        "/v1/titles", content=body, headers={"Content-Type": "application/marcxml+xml"}
    )

    assert answer.status_code == 422


async def test_half_a_surrogate_pair_is_no_fault_of_ours(catalog: Harness, shelves: Shelves) -> None:
    body = as_json(record("a", title="HERE")).replace(b"HERE", b"\\ud800")

    answer = await catalog.post("/v1/titles", content=body, headers={"Content-Type": "application/marc+json"})

    assert answer.status_code in (201, 422)


async def test_a_body_beyond_the_limit_is_refused(catalog: Harness, shelves: Shelves) -> None:
    limit = catalog.resources.settings.record_limit

    answer = await catalog.post("/v1/titles", content=b"0" * (limit + 1), headers=MARC)

    assert answer.status_code == 413


async def test_a_hidden_title_is_for_cataloguers_alone(catalog: Harness, shelves: Shelves) -> None:
    title = await shelves.title()
    item = await shelves.item(title)
    path = f"/v1/titles/{title['id']}"

    hidden = await catalog.patch(path, json={"suppressed": True}, headers={"If-Match": '"1"'})

    assert (hidden.status_code, hidden.json()["suppressed"]) == (200, True)
    for asker in (ANONYMOUS, CATALOGUER):
        with catalog.asking(asker):
            assert (await catalog.get(path)).status_code == 404
            assert (await catalog.get(f"/v1/items/{item['id']}")).status_code == 404
    (state,) = (await catalog.announced(ItemsAnnounced))[-1].items
    assert (str(state.item_id), state.version, state.suppressed) == (item["id"], 2, True)


async def test_only_cataloguers_write(catalog: Harness, shelves: Shelves) -> None:
    for asker, status in ((ANONYMOUS, 401), (CATALOGUER, 403)):
        with catalog.asking(asker):
            answer = await catalog.post("/v1/titles", content=dumps(record()), headers=MARC)
        assert answer.status_code == status


async def test_a_repeated_call_with_its_key_makes_one_title(catalog: Harness, shelves: Shelves) -> None:
    first = await catalog.post("/v1/titles", key="k", content=dumps(record()), headers=MARC)

    again = await catalog.post("/v1/titles", key="k", content=dumps(record()), headers=MARC)
    other = await catalog.post("/v1/titles", key="k", content=dumps(record("b")), headers=MARC)

    assert again.json() == first.json()
    assert other.status_code == 422


async def test_export_gives_every_record_in_one_stream(catalog: Harness, shelves: Shelves) -> None:
    made = [record(str(number), title=f"Title {number}") for number in range(1, 4)]
    await shelves.imported(file_of(*made))
    first = (await catalog.get("/v1/items")).json()  # nothing to see: no items
    ids = [str(row["id"]) for row in await catalog.resources.pool.fetch("SELECT id FROM title ORDER BY id")]

    binary = await catalog.get("/v1/titles:export")
    xml = await catalog.get("/v1/titles:export", params={"media_type": "application/marcxml+xml"})
    some = await catalog.get(
        "/v1/titles:export", params={"ids": ",".join(ids[:2])}, headers={"Accept": "application/marc+json"}
    )

    assert first["items"] == []
    assert binary.content == file_of(*made)
    assert xml.text.count("<record>") == 3
    assert xml.text.rstrip().endswith("</collection>")
    assert len(some.json()) == 2


async def test_a_list_is_exported_as_references(catalog: Harness, shelves: Shelves) -> None:
    await shelves.imported(file_of(*(record(str(number), title=f"Title {number}") for number in range(1, 4))))

    async def asked(kind: str) -> str:
        answer = await catalog.get("/v1/titles:export", headers={"Accept": kind})
        assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (200, kind)
        return answer.text

    ris = await asked("application/x-research-info-systems")
    endnote = await asked("application/x-endnote-refer")
    bibtex = await asked("application/x-bibtex")
    csl = json.loads(await asked("application/vnd.citationstyles.csl+json"))

    assert [line for line in ris.split("\r\n") if line[:2] in ("TI", "ER")] == [
        "TI  - Title 1", "ER  - ", "TI  - Title 2", "ER  - ", "TI  - Title 3", "ER  - ",
    ]  # fmt: skip
    references = endnote.split("\r\n\r\n")
    assert [each.split("\r\n")[2] for each in references[:-1]] == ["%T Title 1", "%T Title 2", "%T Title 3"]
    assert references[-1] == ""
    assert [item["title"] for item in csl] == ["Title 1", "Title 2", "Title 3"]
    keys = re.findall(r"^@book\{(.+),$", bibtex, re.MULTILINE)
    assert len(set(keys)) == 3, "two entries under one key are an error in BibTeX"


async def test_export_of_nonsense_is_refused(catalog: Harness, shelves: Shelves) -> None:
    ids = await catalog.get("/v1/titles:export", params={"ids": "x"})
    query = await catalog.get("/v1/titles:export", params={"query": "title:("})
    kind = await catalog.get("/v1/titles:export", headers={"Accept": "application/json"})

    assert (ids.status_code, query.status_code, kind.status_code) == (422, 422, 406)


async def test_a_cancelled_lccn_is_told_apart_and_found(catalog: Harness, shelves: Shelves) -> None:
    title = await shelves.title(
        record("l").having(Field.data("010", "  ", ("a", "   85000002 "), ("z", "   85000001 "), ("z", " ")))
    )

    async with shelves.indexed():
        found = [
            (await catalog.get("/v1/titles", params={"query": query})).json()["total"]
            for query in ("identifier:85000001", "85000001", "identifier:85000002", "85000003")
        ]
    told = (await catalog.get(f"/v1/titles/{title['id']}")).json()["identifiers"]
    plain = (await catalog.get(f"/v1/titles/{(await shelves.title(record('m')))['id']}")).json()[
        "identifiers"
    ]

    assert found == [1, 1, 1, 0]
    assert (told["lccn"], told["invalid_lccn"], told["other"]) == ("85000002", ["85000001"], ["85000002"])
    assert (plain["lccn"], plain["invalid_lccn"]) == (None, [])
