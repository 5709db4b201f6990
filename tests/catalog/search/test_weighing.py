"""What the engine answers in no time is told from what is work."""

from pathlib import Path

import pytest

from catalog.search import weighing
from catalog.search.documents import SCHEMA_VERSION, TitleDocument
from catalog.search.engine import Reader
from catalog.search.folders import switch
from catalog.search.grammar import (
    And,
    Everything,
    Listed,
    Masked,
    Near,
    Node,
    Not,
    Or,
    Range,
    Term,
)
from catalog.search.weighing import is_little
from catalog.search.writing import Writer
from chassis.ids import uuid7

RARE, COMMON = Term("walden", "title"), Term("rome", "title")


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    writer = Writer(tmp_path, f"v{SCHEMA_VERSION}-a")
    titles = ["Rome", "Rome and Paris", "Rome, a history", "Walden in Rome"]
    writer.apply([TitleDocument(uuid7(), title=each, isbns=("9785170949458",)) for each in titles], [], 1)
    writer.close()
    switch(tmp_path, f"v{SCHEMA_VERSION}-a")
    return Reader(tmp_path)


@pytest.mark.parametrize(
    ("node", "little"),
    [
        (RARE, True),
        (COMMON, False),
        (Term("nowhere", "title"), True),
        (Term("walden rome", "title", phrase=True), True),
        (Term("rome", "title", phrase=True, begins=True), False),
        (Term("walden"), True),
        (Term("rome"), False),
        (Term("9785170949458"), True),
        (Term("9785170949458", "isbn"), False),
        (Term("0000000000000", "isbn"), True),
        (Term("walden", "genre"), True),
        (And((COMMON, RARE)), True),
        (And((COMMON, COMMON)), False),
        (And((RARE, Not(COMMON))), True),
        (And((Not(RARE),)), False),
        (Or((RARE, RARE)), True),
        (Or((RARE, COMMON)), False),
        (Not(RARE), False),
        (Term("wal", "title", prefix=True), False),
        (Term("--", "title"), False),
        (Term("eng", "language"), False),
        (Term("Walden", "title_heading"), False),
        (Masked("w?lden", "title"), False),
        (Near("walden", "rome", 2, field="title"), False),
        (Range(1, 2), False),
        (Listed((1,)), False),
        (Everything(), False),
    ],
)
def test_little_is_what_few_titles_have(
    reader: Reader, monkeypatch: pytest.MonkeyPatch, node: Node, little: bool
) -> None:
    monkeypatch.setattr(weighing, "LITTLE", 3)
    now = reader.now()
    assert now is not None

    assert is_little(node, now) is little
