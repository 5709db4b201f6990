"""MARC records for tests: any that a format can hold (hypothesis), and plain ones by name."""

import string
import unicodedata

from hypothesis import strategies as st

from catalog.marc.record import Field, Record

LEADER = "00000nam a2200000 i 4500"

TAGS = st.text(string.digits, min_size=3, max_size=3).filter(lambda tag: not tag.startswith("00"))
CONTROL_TAGS = st.sampled_from([f"00{digit}" for digit in range(10)])
CODES = st.sampled_from(string.ascii_lowercase + string.digits)
INDICATORS = st.text("0123456789 abc", min_size=2, max_size=2)
TEXTS = st.text(
    st.one_of(
        st.characters(min_codepoint=0x20, max_codepoint=0x17F, exclude_categories=["Cc"]),
        st.sampled_from("\u0301\u0308\u0327\ufe20\ufe21\u0361ЖжΩωאبṩǖị中文字한日本𝄞𠀋–—“”€℗♭ʹ&<>\"'"),
        st.characters(exclude_categories=["Cs", "Cc", "Cn"]),
    ),
    max_size=30,
).map(lambda text: unicodedata.normalize("NFC", text))

CONTROL_FIELDS = st.builds(Field.control, CONTROL_TAGS, TEXTS)
DATA_FIELDS = st.builds(
    lambda tag, indicators, subfields: Field.data(tag, indicators, *subfields),
    TAGS,
    INDICATORS,
    st.lists(st.tuples(CODES, TEXTS), min_size=1, max_size=5),
)
RECORDS = st.builds(
    lambda controls, data: Record(LEADER, [*controls, *data]),
    st.lists(CONTROL_FIELDS, max_size=4),
    st.lists(DATA_FIELDS, min_size=1, max_size=8),
)
"""Records that every format can hold: NFC, one-letter codes, two indicators."""


def content(record: Record) -> list[Field]:
    """All that is left when lengths and addresses in the leader do not count."""
    return record.fields()


def book(number: int = 1, title: str = "Pride and prejudice") -> Record:
    """A small, healthy record."""
    return Record(
        LEADER,
        [
            Field.control("001", f"b{number}"),
            Field.control("008", "960519s1993    stk           000 1 eng d"),
            Field.data("020", "  ", ("a", "9780141439518")),
            Field.data("100", "1 ", ("a", "Austen, Jane,"), ("d", "1775-1817.")),
            Field.data("245", "10", ("a", f"{title} /"), ("c", "Jane Austen.")),
            Field.data("260", "  ", ("a", "Édinbourg :"), ("b", "Tiger,"), ("c", "1993.")),
            Field.data("650", " 0", ("a", "Sisters"), ("v", "Fiction.")),
        ],
    )
