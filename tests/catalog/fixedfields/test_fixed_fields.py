"""An editor's help with fields of fixed length."""

from support.harness import Harness

BOOK = "260101s1854    xxuabf   b    001 0beng d"
LEADER = "00000nam a2200000 i 4500"


async def test_an_editor_learns_what_stands_where(catalog: Harness) -> None:
    listed = (await catalog.get("/v1/fixed-fields")).json()["items"]
    books = (await catalog.get("/v1/fixed-fields/008/books")).json()
    unknown = await catalog.get("/v1/fixed-fields/008/dragons")

    assert {"tag": "007", "material": "microform", "length": 13, "fill": True} in listed
    assert len(listed) == 32
    (index,) = [each for each in books["elements"] if each["name"] == "index"]
    assert index == {
        "name": "index", "first": 31, "last": 31, "kind": "code",
        "values": [{"code": "0", "word": "no"}, {"code": "1", "word": "yes"}],
    }  # fmt: skip
    assert (unknown.status_code, unknown.json()["code"]) == (404, "fixed-field-unknown")


async def test_a_field_goes_apart_and_together_again(catalog: Harness) -> None:
    apart = await catalog.post(
        "/v1/fixed-fields:take-apart", json={"tag": "008", "leader": LEADER, "value": BOOK}
    )
    told = apart.json()
    again = await catalog.post(
        "/v1/fixed-fields:put-together",
        json={"tag": "008", "material": told["material"], "values": told["values"] | {"language": "fre"}},
    )
    kept = await catalog.post(
        "/v1/fixed-fields:put-together",
        json={"tag": "007", "values": {"color": "mixed"}, "base": "cr |?|||||||||"},
    )

    assert (told["material"], told["faults"]) == ("books", [])
    assert again.json()["value"] == BOOK.replace("eng", "fre")
    assert (kept.json()["material"], kept.json()["value"]) == ("electronic-resource", "cr m?|||||||||")
    assert [each["name"] for each in kept.json()["faults"]] == ["dimensions"]


async def test_what_is_wrong_is_told_with_its_place(catalog: Harness) -> None:
    wrong = await catalog.post(
        "/v1/fixed-fields:put-together",
        json={"tag": "008", "material": "books", "values": {"index": "perhaps", "colour": "red"}},
    )
    nameless = await catalog.post("/v1/fixed-fields:take-apart", json={"tag": "008", "value": BOOK})
    bare = await catalog.post("/v1/fixed-fields:put-together", json={"tag": "007", "values": {}})

    assert (wrong.status_code, [each["pointer"] for each in wrong.json()["reasons"]]) == (
        422,
        ["/values/colour", "/values/entered_on", "/values/index"],
    )
    assert (nameless.status_code, nameless.json()["reasons"][0]["code"]) == (422, "material-unknown")
    assert bare.status_code == 422
