"""MARCXML that is valid by its schema (MARC21slim.xsd), for answers in which one record must not spoil five hundred.

`marcxml.dumps` says a record as it is, however odd; here what the schema cannot say is left out (a field whose
tag is none, a subfield's code that is none), blanked (an indicator) or set right (the leader). Stored records
are not touched.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from catalog.marc.marcxml import NAMESPACE
from catalog.marc.record import SUBFIELD, Field, Record
from catalog.marc.xmltext import quoted, told

SCHEMA: Final = "http://www.loc.gov/standards/marcxml/schema/MARC21slim.xsd"
_LEADER: Final = re.compile(
    r"[0-9 ]{5}[0-9A-Za-z ][0-9A-Za-z][0-9A-Za-z ]{3}[2 ][2 ][0-9 ]{5}[0-9A-Za-z ]{3}(?:4500|    )"
)
_CONTROL_TAG: Final = re.compile(r"00[1-9A-Za-z]")
_DATA_TAG: Final = re.compile(r"0[1-9A-Z][0-9A-Z]|0[1-9a-z][0-9a-z]|[1-9A-Z][0-9A-Z]{2}|[1-9a-z][0-9a-z]{2}")
_CODE: Final = re.compile(r"""[0-9A-Za-z!"#$%&'()*+,\-./:;<=>?{}_^`~\[\]\\]""")
_SPECIAL: Final = re.compile("[&<>\r\x00-\x08\x0b\x0c\x0e-\x1e\ud800-\udfff\ufffe\uffff]")
"""What `told` writes otherwise, but for the mark between subfields."""
_UNSPACED: Final = re.compile(r"[^0-9A-Za-z]")


def valid_leader(leader: str) -> str:
    """The leader, with what no leader may hold set right."""
    if _LEADER.fullmatch(leader):
        return leader
    kept = _UNSPACED.sub(" ", f"{leader:24.24}")
    kind = kept[6] if kept[6] != " " else "a"
    return f"00000{kept[5]}{kind}{kept[7:10]}2200000{kept[17:20]}4500"


@lru_cache(maxsize=4096)
def _opening(tag: str, ind1: str, ind2: str) -> str | None:
    """A data field's start tag; None when its tag is none."""
    if not _DATA_TAG.fullmatch(tag):
        return None
    first, second = (
        each if len(each) == 1 and (each.isdigit() or "a" <= each <= "z") and each.isascii() else " "
        for each in (ind1, ind2)
    )
    return f'<datafield tag="{tag}" ind1="{first}" ind2="{second}">'


@lru_cache(maxsize=512)
def _coded(code: str) -> str | None:
    """A subfield's start tag; None when its code is none."""
    return f"<subfield code={quoted(code)}>" if _CODE.fullmatch(code) else None


_NEXT: Final = {code: f"</subfield>{start}" for code in map(chr, range(128)) if (start := _coded(code))}
"""What stands between two subfields, by the code of the second."""


def dumps(record: Record, extra: Iterable[Field] = (), *, without: frozenset[str] = frozenset()) -> str:
    """One `<record>` in its namespace; `extra` fields come last, fields of the tags `without` not at all."""
    controls: list[str] = []
    fields: list[str] = []
    if not without and not extra and (body := _plainly(record)) is not None:
        return f'<record xmlns="{NAMESPACE}"><leader>{valid_leader(record.leader)}</leader>{body}</record>'
    if (unmade := record.texts()) is not None:  # most of a harvest: quicker than to make its fields first
        for tag, text, kind in zip(*unmade, strict=True):
            if tag in without:
                continue
            if kind is None:
                _say_whole(tag, text, fields)
            elif _CONTROL_TAG.fullmatch(tag):
                controls.append(f'<controlfield tag="{tag}">{told(text)}</controlfield>')
    else:
        for field in record:
            if field.tag not in without:
                _say(field, controls, fields)
    for field in extra:
        _say(field, controls, fields)
    return (
        f'<record xmlns="{NAMESPACE}"><leader>{valid_leader(record.leader)}</leader>'
        f"{''.join(controls)}{''.join(fields)}</record>"
    )


def _plainly(record: Record) -> str | None:
    """The fields of a record in which nothing is odd, as most are; None for one that must be looked at piece by piece.

    All of its text is looked through and taken apart at once: a record has some ten fields, and a harvest a million.
    """
    if (unmade := record.texts()) is None:
        return None
    tags, texts, kinds = unmade
    if _SPECIAL.search("\n".join(texts)) is not None:
        return None
    controls: list[str] = []
    fields: list[str] = []
    for tag, text, kind in zip(tags, texts, kinds, strict=True):
        if kind is None:
            begun = _begun(tag, text[:4])
            if begun is None:
                return None
            fields.append(begun + text[4:])
        elif _CONTROL_TAG.fullmatch(tag):
            controls.append(f'<controlfield tag="{tag}">{text}</controlfield>')
    if not fields:
        return "".join(controls)
    first, *others = "</subfield></datafield>".join(fields).split(SUBFIELD)
    try:
        rest = "".join([_NEXT[piece[0]] + piece[1:] for piece in others])
    except LookupError:  # a code that is none
        return None
    return f"{''.join(controls)}{first}{rest}</subfield></datafield>"


@lru_cache(maxsize=4096)
def _begun(tag: str, told: str) -> str | None:
    """A data field's start tag and that of its first subfield, from its indicators, the mark and the code."""
    opening, start = _opening(tag, told[0], told[1]), _coded(told[3:])
    return f"{opening}{start}" if opening and start else None


def _say_whole(tag: str, text: str, fields: list[str]) -> None:
    """A data field whose text is still whole."""
    opening = _opening(tag, text[0], text[1])
    if opening is None:
        return
    value_of = told if _SPECIAL.search(text) else str
    subfields = [
        f"{start}{value_of(piece[1:])}</subfield>"
        for piece in text[3:].split(SUBFIELD)
        if (start := _coded(piece[0]))
    ]
    if subfields:
        fields.append(f"{opening}{''.join(subfields)}</datafield>")


def _say(field: Field, controls: list[str], fields: list[str]) -> None:
    if field.is_control:
        if _CONTROL_TAG.fullmatch(field.tag):
            controls.append(f'<controlfield tag="{field.tag}">{told(field.value)}</controlfield>')
        return
    opening = _opening(field.tag, field.ind1, field.ind2)
    if opening is None:
        return
    subfields = [
        f"{start}{told(value)}</subfield>" for code, value in field.subfields if (start := _coded(code))
    ]
    if subfields:
        fields.append(f"{opening}{''.join(subfields)}</datafield>")
