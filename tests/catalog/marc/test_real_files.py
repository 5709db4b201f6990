"""Real records from many systems: what we read is what pymarc and yaz-marcdump read, field by field."""

import io
import logging
import shutil
import subprocess
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pymarc
import pytest

from catalog.marc import iso2709, marcjson, marcxml
from catalog.marc.problems import Read
from catalog.marc.record import Record
from support.shared_data import shared_data

Row = tuple[str, str, tuple[tuple[str, str], ...]]

HEALTHY = {
    "authority/Evergreen__auth-1066.mrc": 1066,
    "authority/Evergreen__auth-subset100.mrc": 17,
    "authority/marctools__authoritybibs.mrc": 9,
    "bib/Evergreen__RDA_record_SCORE-CD_Arias_for_soprano.mrc": 1,
    "bib/Evergreen__RDA_record_SCORE_Arias_for_bass.mrc": 1,
    "bib/Evergreen__RDA_record_SCORE_Intermediate_studies.mrc": 1,
    "bib/Evergreen__RDA_record_SCORE_Wiegenlied.mrc": 1,
    "bib/Evergreen__RDA_record_SERIAL_IEEE_International_conference.mrc": 1,
    "bib/circulation__ils_plympton_01.mrc": 36,
    "bib/marc4j__pride-and-prejudice-fixed.mrc": 383,
    "bib/marc4j__selectedRecs.mrc": 11,
    "bib/marctools__journals.mrc": 10,
    "bib/qa-catalogue__BooksAll.2014.part01-0001.mrc": 100,
    "bib/solrmarc__uva_001_2000.mrc": 2000,
    "bib/traject__batch.dat": 31,
    "bib/traject__test_data.utf8.mrc": 30,
    "nasty/marc-to-argot__date_cataloged_invalid.mrc": 1,
    "nasty/marc4j__cyrillic_capital_e.mrc": 2,
    "nasty/marc4j__diacritic4.mrc": 1,
    "nasty/marctools__testbug2.mrc": 1,
    "nasty/marctools__weird_ids.mrc": 8,
    "nasty/solrmarc__errorRecs.mrc": 5,
    "nasty/traject__one-marc8.mrc": 1,
}
"""File → records, every one of which a strict reader takes."""

DAMAGED = {
    # file: (read, given leniently, given strictly, faults by kind)
    "bib/Evergreen__FSL.marc": (52, 52, 0, {"encoding": 52}),
    "bib/Evergreen__map_data.mrc": (3, 3, 0, {"encoding": 3}),
    "bib/Evergreen__jazz_1k.mrc": (1000, 1000, 995, {"subfields": 5}),
    "bib/Evergreen__oss.marc": (42, 42, 40, {"leader": 1, "subfields": 2}),
    "bib/Evergreen__sample_acq_order.mrc": (10, 10, 1, {"indicators": 9}),
    "nasty/marc4j__bad_too_long_plus_2.mrc": (3, 3, 2, {"record-length": 1, "field-length": 1}),
    "nasty/marc4j__error.mrc": (1, 1, 0, {"record-length": 1, "field-length": 1, "indicators": 1}),
    "nasty/marc4j__greekmissingcharsetchange.mrc": (3, 3, 2, {"characters": 7}),
    "nasty/openlibrary__wrapped_lines.mrc": (1, 1, 0, {"indicators": 2}),
    "nasty/traject__bad_subfield_code.marc": (1, 1, 0, {"subfields": 1}),
    "nasty/traject__escaped_character_reference.marc8.marc": (1, 1, 1, {}),
    "nasty/marc4j__pride-and-prejudice-with-many-errors.mrc": (
        383,
        383,
        298,
        {
            "characters": 44,
            "directory": 16,
            "encoding": 39,
            "field-length": 206,
            "field-lost": 16,
            "indicators": 32,
            "subfields": 16,
        },
    ),
}

XML = {
    "authority/qa-catalogue__authority.sample.xml": 10,
    "bib/solrmarc__specTestRecs.xml": 76,
    "bib/traject__test_data.utf8.marc.xml": 30,
    "holdings/Evergreen__serials_mfhd.xml": 7,
    "holdings/marc-to-argot__holdings.xml": 1,
    "holdings/marc-to-argot__holdings5.xml": 1,
    "holdings/marc-to-argot__multi_holdings_multi_status.xml": 1,
    "nasty/Evergreen__badisbns.xml": 10,
    "nasty/marc-to-argot__bad-490.xml": 1,
    "nasty/marc-to-argot__bookbot-oversize.xml": 1,
    "nasty/marc4j__chabon-record-type-bad.xml": 2,
}


def marc(name: str) -> Path:
    return shared_data("marc", *name.split("/"))


def rows(record: Record) -> list[Row]:
    return [(f.tag, f.value if f.is_control else f.indicators, f.subfields) for f in record]


def oracle_rows(record: pymarc.Record) -> list[Row]:
    def composed(text: str | None) -> str:
        return unicodedata.normalize("NFC", text or "")

    return [
        (f.tag, composed(f.data), ())
        if f.control_field
        else (f.tag, "".join(f.indicators or ()), tuple((s.code, composed(s.value)) for s in f.subfields))
        for f in record.fields
    ]


@pytest.fixture
def _quiet(capsys: pytest.CaptureFixture[str]) -> Iterator[None]:
    """pymarc writes a line for every odd byte."""
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)
    capsys.readouterr()


def pymarc_reads(path: Path) -> list[pymarc.Record | None]:
    with path.open("rb") as file:
        return list(pymarc.MARCReader(file, permissive=True, hide_utf8_warnings=True))


@pytest.mark.usefixtures("_quiet")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", HEALTHY)
def test_healthy_files_read_as_pymarc_reads_them(name: str) -> None:
    path = marc(name)

    with path.open("rb") as file:
        ours = list(iso2709.read(file, "strict"))

    theirs = pymarc_reads(path)
    assert len(ours) == len(theirs) == HEALTHY[name]
    assert [found.problems for found in ours if found.problems] == []
    for found, oracle in zip(ours, theirs, strict=True):
        assert found.record is not None
        assert oracle is not None
        assert rows(found.record) == oracle_rows(oracle)


@pytest.mark.usefixtures("_quiet")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_files_give_exactly_these_records_and_faults(name: str) -> None:
    path = marc(name)
    read, lenient, strict, faults = DAMAGED[name]

    ours = list(iso2709.read(path.read_bytes()))

    assert len(ours) == read
    assert sum(found.record is not None for found in ours) == lenient
    assert Counter(problem.code.value for found in ours for problem in found.problems) == faults
    assert sum(found.record is not None for found in iso2709.read(path.read_bytes(), "strict")) == strict
    theirs = pymarc_reads(path)
    if len(theirs) == read:
        for found, oracle in zip(ours, theirs, strict=True):
            if oracle is not None and not found.problems and b"&#x" not in found.raw:  # pymarc leaves those
                assert found.record is not None
                assert rows(found.record) == oracle_rows(oracle)


@pytest.mark.parametrize("name", [*HEALTHY, *DAMAGED])
def test_every_real_record_survives_every_format(name: str) -> None:
    for found in iso2709.read(marc(name).read_bytes()):
        assert found.record is not None
        record = found.record
        for again in (
            next(marcxml.read(marcxml.dumps(record), "strict")),
            next(marcjson.read(marcjson.dumps(record), "strict")),
            *([] if odd(found) else [iso2709.loads(iso2709.dumps(record), "strict")]),
            *([] if odd(found) else [iso2709.loads(iso2709.dumps(record, "marc-8"))]),
        ):
            assert again.record is not None, again.problems
            assert rows(again.record) == rows(record)


def odd(found: Read) -> bool:
    """Longer than ISO 2709 can say (or would be in MARC-8), or with a code that it does not allow."""
    try:
        assert found.record is not None
        iso2709.dumps(found.record)
        iso2709.dumps(found.record, "marc-8")
    except iso2709.Inexpressible:
        return True
    return False


@pytest.mark.parametrize("name", XML)
def test_xml_files_read_as_pymarc_reads_them(name: str) -> None:
    whole = marc(name).read_bytes()

    ours = list(marcxml.read(whole))

    theirs = pymarc.parse_xml_to_array(io.BytesIO(whole))  # type: ignore[no-untyped-call]
    assert len(ours) == len(theirs) == XML[name]
    for found, oracle in zip(ours, theirs, strict=True):
        assert found.record is not None
        assert rows(found.record) == oracle_rows(oracle)
        assert whole[found.position :].startswith(found.raw)


def test_records_without_a_root_around_them_are_read_and_said() -> None:
    ours = list(marcxml.read(marc("holdings/Evergreen__serials_marc21.xml").read_bytes()))

    assert sum(found.record is not None for found in ours) == len(ours) == 7
    assert [problem.code.value for found in ours for problem in found.problems] == ["syntax"]


def test_the_same_records_in_three_formats_are_the_same() -> None:
    iso = iso2709.read(marc("bib/traject__test_data.utf8.mrc").read_bytes())
    xml = marcxml.read(marc("bib/traject__test_data.utf8.marc.xml").read_bytes())
    json = marcjson.read(marc("bib/traject__test_data.utf8.json").read_bytes())

    for one, two, three in zip(iso, xml, json, strict=True):
        assert one.record is not None
        assert two.record is not None
        assert three.record is not None
        assert rows(one.record) == rows(two.record) == rows(three.record)


def test_line_breaks_inside_json_strings_are_read_and_said() -> None:
    ours = list(marcjson.read(marc("nasty/marc4j__illegal-marc-in-json.json").read_bytes()))

    assert [found.record is not None for found in ours] == [True]
    assert [problem.code.value for problem in ours[0].problems] == ["characters"]


LIGATURES = str.maketrans({"\ufe20": "\u0361", "\ufe21": None, "\ufe22": "\u0360", "\ufe23": None})
"""A ligature over two letters: two halves with us, one mark with yaz."""


@pytest.mark.parametrize("name", [name for name in HEALTHY if "greek" not in name])
def test_healthy_files_read_as_yaz_reads_them(name: str) -> None:
    if shutil.which("yaz-marcdump") is None:
        pytest.skip("yaz-marcdump is not installed: MARC reading is NOT compared with it (install yaz)")
    path = marc(name)
    ours = [found.record for found in iso2709.read(path.read_bytes())]
    charset = "utf8" if path.read_bytes()[9:10] == b"a" else "marc8"

    command = ["yaz-marcdump", "-f", charset, "-t", "utf8", "-o", "marcxml", str(path)]
    dumped = subprocess.run(command, capture_output=True, check=True, timeout=120).stdout

    theirs = [found.record for found in marcxml.read(dumped)]
    assert len(theirs) == len(ours)
    for one, two in zip(ours, theirs, strict=True):
        assert one is not None
        assert two is not None
        assert flattened(one) == flattened(two)


def flattened(record: Record) -> str:
    return unicodedata.normalize("NFC", repr(rows(record)).translate(LIGATURES))
