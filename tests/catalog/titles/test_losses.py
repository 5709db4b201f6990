"""What other formats cannot say is told."""

import pytest

from catalog.marc.reading import MARCXML, METS, MODS
from catalog.marc.record import Field
from catalog.titles import media
from catalog.titles.losses import losses
from support.harness import Harness
from support.shelves import Shelves, record

MADE = record("a").having(
    Field.data("040", "  ", ("a", "DLC"), ("e", "rda")),
    Field.data("300", "  ", ("a", "224 p."), ("3", "only the first")),
    Field.data("949", "  ", ("x", "ours")),
)


@pytest.mark.parametrize(
    "kind", [media.DUBLIN_CORE, MODS, METS, media.RIS], ids=["dc", "mods", "mets", "ris"]
)
def test_what_is_lost_is_what_nobody_would_miss(kind: str) -> None:
    told, whole = losses(MADE, lambda each: media.written(each, kind, key="t1"))

    tags = {each.tag for each in told if each.code is None}
    assert "949" in tags
    assert not {"100", "245"} & tags
    assert 0 < whole < len(MADE)
    rest = MADE.without(*tags)
    assert all(
        each.code is not None for each in losses(rest, lambda each: media.written(each, kind, key="t1"))[0]
    )


def test_a_format_of_records_loses_nothing() -> None:
    assert losses(MADE, lambda each: media.written(each, MARCXML, key="t1")) == ([], len(MADE))


async def test_a_titles_losses_are_told(catalog: Harness, shelves: Shelves) -> None:
    title = await shelves.title(MADE)
    path = f"/v1/titles/{title['id']}/losses"

    told = (await catalog.get(path, params={"media_type": "application/xml"})).json()
    unknown = await catalog.get(path, params={"media_type": "application/pdf"})
    view = await catalog.get(path, params={"media_type": "application/json"})

    assert {"tag": "949", "occurrence": 1, "code": None, "value": "ours"} in told["losses"]
    assert {"tag": "300", "occurrence": 1, "code": "3", "value": "only the first"} in told["losses"]
    assert told["fields"] == 8
    assert (unknown.status_code, view.status_code) == (406, 406)
