"""A title as a METS document: MODS and Dublin Core of its record, and a map of its links, holdings and items.

After METS 1 (Library of Congress): `dmdSec` for each description, `fileSec` for what lies at addresses (856), and a
logical `structMap` in which the title holds its files, its holdings, and in these their items. It describes; nothing
of administration is in it.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from catalog.marc import crosswalk, mods
from catalog.marc.addresses import web_address
from catalog.marc.extract import headline
from catalog.marc.record import Field, Record
from catalog.marc.xmltext import group, quoted

NAMESPACE: Final = "http://www.loc.gov/METS/"
SCHEMA: Final = "http://www.loc.gov/standards/mets/mets.xsd"
_XLINK: Final = "http://www.w3.org/1999/xlink"
_XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"


def dumps(record: Record, held: Sequence[Field] = (), *, key: str) -> str:
    """A `<mets>` element, valid by its schema. `held` are fields 852, 866 to 868 and 876 that tell of holdings and
    items (by $8, as they are embedded in a record); `key` begins with a letter, and no other title has it."""
    described = f"{key}-mods {key}-dc"
    links = list(_links(record))
    files = group(
        "fileSec",
        group("fileGrp", *(_file(f"{key}-f{n}", url) for n, (url, _) in enumerate(links, 1)), USE="links"),
    )
    pointers = [
        _division("link", label, f'<fptr FILEID="{key}-f{n}"/>') for n, (_, label) in enumerate(links, 1)
    ]
    title = headline(record).title or "[no title]"
    whole = _division("title", title, *pointers, *_shelves(held), described=described)
    return (
        f'<mets xmlns="{NAMESPACE}" xmlns:xlink="{_XLINK}" xmlns:xsi="{_XSI}"'
        f' xsi:schemaLocation="{NAMESPACE} {SCHEMA}" OBJID={quoted(key)} LABEL={quoted(title)}>'
        f"{_described(f'{key}-mods', 'MODS', mods.dumps(record))}"
        f"{_described(f'{key}-dc', 'DC', crosswalk.dumps(crosswalk.dublin_core(record)).decode())}"
        f'{files}<structMap TYPE="logical">{whole}</structMap></mets>'
    )


def _described(id_: str, kind: str, description: str) -> str:
    return f'<dmdSec ID="{id_}"><mdWrap MDTYPE="{kind}"><xmlData>{description}</xmlData></mdWrap></dmdSec>'


def _division(kind: str, label: str, *inside: str, described: str | None = None) -> str:
    named = f" DMDID={quoted(described)}" if described else ""
    return f'<div TYPE="{kind}" LABEL={quoted(label)}{named}>{"".join(inside)}</div>'


def _links(record: Record) -> Iterable[tuple[str, str]]:
    """Addresses on the web, each once, as XML's type for addresses has them; with what is said of them."""
    seen = set()
    for each in record.fields("856"):
        for told in each.all("u"):
            url = web_address(told)
            if url is not None and url not in seen:
                seen.add(url)
                yield url, each.get("y") or each.get("3") or url


def _file(id_: str, url: str) -> str:
    location = f'<FLocat LOCTYPE="URL" xlink:type="simple" xlink:href={quoted(url)}/>'
    return f'<file ID="{id_}">{location}</file>'


def _shelves(held: Sequence[Field]) -> Iterable[str]:
    """A division for each shelf, with what is held and the items that are linked to it."""
    for shelf in held:
        if shelf.tag != "852":
            continue
        number = shelf.get("8")
        mine = [field for field in held if field.tag != "852" and field.get("8") == number]
        place = "/".join(shelf.all("bc"))
        label = " ".join([place, *shelf.all("h")])
        inside = [
            _division("item", " ".join(value for code in "3tp" for value in field.all(code)) or "item")
            if field.tag == "876"
            else _division("statement", field.get("a") or "")
            for field in mine
        ]
        yield _division("holdings", label, *inside)
