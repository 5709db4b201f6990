"""Covers are drawn anew, shown to whoever sees the title, and leave nothing of the camera behind."""

import io
from typing import Any

import pytest
from PIL import Image

from catalog.covers.rules import MOST_BYTES, Unfit, drawn, external, kind_of
from catalog.marc.record import Field
from support.harness import Harness
from support.shelves import LEADER, Shelves, record

ISBN = "9783161484100"


def picture(kind: str = "JPEG", size: tuple[int, int] = (300, 600), mode: str = "RGB", **more: Any) -> bytes:
    out = io.BytesIO()
    made = Image.new(mode, size, "red" if mode == "RGB" else (255, 0, 0, 0))
    made.save(out, kind, **more)
    return out.getvalue()


@pytest.mark.parametrize(("kind", "mode"), [("JPEG", "RGB"), ("PNG", "RGBA"), ("WEBP", "RGBA")])
def test_a_picture_of_each_kind_is_drawn_within_bounds(kind: str, mode: str) -> None:
    found = drawn(picture(kind, (2000, 4000), mode))

    assert (kind_of(found.image), found.width, found.height) == ("JPEG", 500, 1000)
    small = Image.open(io.BytesIO(found.thumbnail))
    assert small.size == (100, 200)
    corner = small.convert("RGB").getpixel((0, 0))
    assert isinstance(corner, tuple)
    assert (corner[1] > 200) == (mode == "RGBA")


def test_nothing_of_a_camera_is_left_and_the_picture_stands_upright() -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "where somebody lives"

    found = drawn(picture(exif=exif, comment=b"a secret"))

    again = Image.open(io.BytesIO(found.image))
    assert again.size == (600, 300)
    assert (len(again.getexif()), b"secret" in found.image, b"lives" in found.image) == (0, False, False)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"<svg onload=alert(1)>", "picture-unknown"),
        (b"GIF89a" + b"\0" * 100, "picture-unknown"),
        (b"", "picture-unknown"),
        (picture()[:400], "picture-damaged"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 50, "picture-damaged"),
        (b"RIFF\0\0\0\0WEBP", "picture-damaged"),
        (picture("PNG", (10, 600)), "picture-too-small"),
        (picture("PNG", (10_000, 4_001)), "picture-too-large"),
    ],
)
def test_what_is_no_picture_is_refused_with_a_reason(body: bytes, code: str) -> None:
    with pytest.raises(Unfit) as refused:
        drawn(body)

    assert refused.value.code == code


def test_another_houses_cover_is_named_by_isbn_alone() -> None:
    pattern = "https://covers.example/{isbn}.jpg"

    assert external(pattern, ["978-3-16-148410-0"]) == f"https://covers.example/{ISBN}.jpg"
    assert [external(pattern, []), external(None, [ISBN]), external(pattern, ["x/../y"])] == [
        None,
        None,
        None,
    ]


async def put(catalog: Harness, title: dict[str, Any], body: bytes, version: int = 0, **params: str) -> Any:
    return await catalog.put(
        f"/v1/titles/{title['id']}/cover",
        content=body,
        params=params,
        headers={"If-Match": f'"{version}"', "Content-Type": "image/jpeg"},
    )


def numbered() -> Any:
    return record("c1").having(Field.data("020", "  ", ("a", ISBN)))


async def test_a_cover_is_drawn_anew_shown_by_title_and_isbn_and_held_by_caches(
    catalog: Harness, shelves: Shelves
) -> None:
    title = await shelves.title(numbered())
    door = f"/v1/titles/{title['id']}/cover"

    first = await put(catalog, title, picture("PNG"))
    stale = await put(catalog, title, picture())
    second = await put(catalog, title, picture(), 1, alternative="A hut by a lake")
    broken = await put(catalog, title, b"no picture", 2)
    huge = await put(catalog, title, b"\xff\xd8\xff" + b"x" * MOST_BYTES, 2)
    with catalog.asking(None):
        shown = await catalog.get(door, params={"size": "small"})
        held = await catalog.get(door, headers={"If-None-Match": shown.headers["etag"]})
        found = await catalog.get("/v1/covers", params={"isbn": "3-16-148410-X"})
        none = await catalog.get("/v1/covers", params={"isbn": "9780306406157"})
        wrong = await catalog.get("/v1/covers", params={"isbn": "1234567890"})
        forbidden = await put(catalog, title, picture(), 2)

    assert (first.status_code, first.json()["version"], stale.status_code) == (200, 1, 412)
    assert (second.json()["alternative"], second.headers["etag"]) == ("A hut by a lake", '"2"')
    assert (broken.status_code, huge.status_code, forbidden.status_code) == (422, 413, 401)
    assert (shown.headers["content-type"], shown.headers["cache-control"]) == (
        "image/jpeg",
        "public, max-age=86400",
    )
    assert (kind_of(shown.content), held.status_code) == ("JPEG", 304)
    assert (found.status_code, found.headers["location"]) == (303, f"{door}?size=large")
    assert (none.status_code, wrong.status_code) == (404, 422)
    hidden = await catalog.patch(
        f"/v1/titles/{title['id']}", json={"suppressed": True}, headers={"If-Match": '"1"'}
    )
    with catalog.asking(None):
        assert (hidden.status_code, (await catalog.get(door)).status_code) == (200, 404)
    gone = await catalog.delete(door, headers={"If-Match": '"2"'})
    assert (gone.status_code, (await catalog.get(door)).status_code) == (204, 404)


async def test_a_cover_after_one_that_was_taken_away_is_not_taken_for_it(
    catalog: Harness, shelves: Shelves
) -> None:
    title, other = await shelves.title(numbered()), await shelves.title(record("o", title="Other"))
    door = f"/v1/titles/{title['id']}/cover"
    await put(catalog, title, picture())
    await put(catalog, title, picture(), 1)
    await catalog.delete(door, headers={"If-Match": '"2"'})
    stale = await put(catalog, title, picture(), 2)
    new = await put(catalog, title, picture(size=(200, 200)))
    seen = await catalog.get(door, headers={"If-None-Match": '"1", "2"'})
    await catalog.delete(door, headers={"If-Match": '"3"'})
    await put(catalog, other, picture())
    merged = await catalog.post(
        f"/v1/titles/{title['id']}/merges",
        json={"merged": [{"title_id": other["id"]}]},
        headers={"If-Match": '"1"'},
    )

    assert (stale.status_code, new.json()["version"], new.headers["etag"]) == (412, 3, '"3"')
    assert (seen.status_code, seen.headers["etag"]) == (200, '"3"')
    assert merged.status_code == 201, merged.text
    assert (await catalog.get(door)).headers["etag"] == '"4"'


async def test_public_pages_show_a_cover_in_words_too_and_another_houses_only_where_it_is_named(
    catalog: Harness, shelves: Shelves, monkeypatch: pytest.MonkeyPatch
) -> None:
    title = await shelves.title(numbered())
    address = f"/titles/{title['id']}"

    plain = await catalog.get(address)
    pattern = "https://covers.example/{isbn}.jpg"
    settings = catalog.resources.settings.model_copy(update={"cover_address": pattern})
    monkeypatch.setattr(catalog.resources, "settings", settings)
    elsewhere = await catalog.get(address)
    await put(catalog, title, picture(), alternative='A "hut"')
    own = await catalog.get(address)

    assert "<img" not in plain.text
    assert f'src="https://covers.example/{ISBN}.jpg" alt="Cover: Walden"' in elsewhere.text
    assert "img-src 'self' https://covers.example;" in elsewhere.headers["content-security-policy"]
    assert f'src="/v1/titles/{title["id"]}/cover?size=small" alt="A &#34;hut&#34;"' in own.text
    assert "img-src 'self';" in own.headers["content-security-policy"]


def online(number: str) -> Any:
    """An e-book."""
    link = Field.data("856", "40", ("u", "https://x.example/book"))
    fields = [
        Field.control("008", "260101s1854    xx      o           eng d") if field.tag == "008" else field
        for field in record(number, title="Ponds").having(link)
    ]
    return type(record())(LEADER, fields)


async def test_results_and_reading_apps_show_covers_and_a_merged_titles_goes_along(
    catalog: Harness, shelves: Shelves, monkeypatch: pytest.MonkeyPatch
) -> None:
    stays, first, second, third = [await shelves.title(online(f"c{number}")) for number in (1, 2, 3, 4)]
    bare = await shelves.title(record("c5", title="Ponds bare").having(Field.data("020", "  ", ("a", ISBN))))
    await put(catalog, second, picture(size=(300, 600)))
    async with shelves.indexed():
        plain = await catalog.get("/search", params={"query": "ponds"})
        pattern = "https://covers.example/{isbn}.jpg"
        settings = catalog.resources.settings.model_copy(update={"cover_address": pattern})
        monkeypatch.setattr(catalog.resources, "settings", settings)
        elsewhere = await catalog.get("/search", params={"query": "ponds"})
        shelf = (await catalog.get("/opds/publications", params={"query": "ponds"})).json()

    src = f'src="/v1/titles/{second["id"]}/cover?size=small" alt="" width="64" height="128"'
    assert (plain.text.count("<img"), src in plain.text) == (1, True)
    assert "img-src 'self';" in plain.headers["content-security-policy"]
    assert f'src="https://covers.example/{ISBN}.jpg" alt=""' in elsewhere.text
    assert "img-src 'self' https://covers.example;" in elsewhere.headers["content-security-policy"]
    images = {book["metadata"]["identifier"]: book.get("images") for book in shelf["publications"]}
    large, small = images[f"urn:uuid:{second['id']}"]
    assert (large["type"], large["width"], large["height"]) == ("image/jpeg", 300, 600)
    assert (await catalog.get(small["href"])).headers["content-type"] == "image/jpeg"
    assert [each["type"] for each in images[f"urn:uuid:{first['id']}"] or ()] == ["image/png"]
    assert bare["id"] not in str(images)

    await put(catalog, third, picture(size=(100, 100)))
    await put(catalog, third, picture(size=(100, 100)), 1)
    merged = await catalog.post(
        f"/v1/titles/{stays['id']}/merges",
        json={"merged": [{"title_id": each["id"]} for each in (first, second, third)]},
        headers={"If-Match": '"1"'},
    )
    assert merged.status_code == 201, merged.text
    with catalog.asking(None):
        shown = await catalog.get(f"/v1/titles/{stays['id']}/cover")
        led = await catalog.get(f"/v1/titles/{second['id']}/cover", params={"size": "small"})
    assert (shown.status_code, shown.headers["etag"]) == (200, '"2"')
    assert (led.status_code, led.headers["location"]) == (308, f"/v1/titles/{stays['id']}/cover?size=small")
    await put(catalog, bare, picture())
    again = await catalog.post(
        f"/v1/titles/{stays['id']}/merges",
        json={"merged": [{"title_id": bare["id"]}]},
        headers={"If-Match": f'"{merged.json()["version"]}"'},
    )
    kept = await catalog.get(f"/v1/titles/{stays['id']}/cover")
    assert (again.status_code, kept.headers["etag"]) == (201, '"2"')
