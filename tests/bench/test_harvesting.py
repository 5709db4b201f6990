"""The benches' own harvester counts what an answer says, however it comes."""

import importlib
import sys
from pathlib import Path
from xml.parsers.expat import ExpatError

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))
Reading = importlib.import_module("harvesting").Reading

ANSWER = """<?xml version="1.0" encoding="UTF-8"?>
<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/"><request>…</request><ListRecords>
<record><header><identifier>oai:x:1</identifier></header><metadata>
<record xmlns="http://www.loc.gov/MARC21/slim"><controlfield tag="001">1</controlfield>
<datafield tag="245" ind1=" " ind2=" "><subfield code="a">é</subfield></datafield></record></metadata></record>
<record><header status="deleted"><identifier>oai:x:2</identifier></header></record>
<resumptionToken completeListSize="9" cursor="0">on&amp;on</resumptionToken></ListRecords></OAI-PMH>
""".encode()


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_every_record_of_an_answer_is_counted_once(size: int) -> None:
    reading = Reading()

    for start in range(0, len(ANSWER), size):
        reading.feed(ANSWER[start : start + size])
    reading.feed(b"", last=True)

    told = reading.answer
    assert (told.identifiers, told.deleted, told.fields) == (["oai:x:1", "oai:x:2"], 1, 1)
    assert (told.token, told.complete, told.error) == ("on&on", 9, None)


def test_an_error_and_an_answer_that_is_cut_off_are_no_harvest() -> None:
    fault, cut = Reading(), Reading()

    fault.feed(
        b'<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/"><error code="badVerb">?</error></OAI-PMH>'
    )
    cut.feed(ANSWER[:-20])

    assert fault.answer.error == "badVerb"
    with pytest.raises(ExpatError):
        cut.feed(b"", last=True)
