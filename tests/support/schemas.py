"""Answers checked by the XSDs of the shared collection, offline."""

from functools import cache
from typing import Any, Final

from lxml import etree

from support.shared_data import shared_data

_ELSEWHERE: Final = {
    "http://www.loc.gov/standards/xlink/xlink.xsd": ("mets", "xlink.xsd"),
    "http://www.loc.gov/mods/xml.xsd": ("mods", "xml.xsd"),
    "http://www.w3.org/2001/03/xml.xsd": ("saml", "xml.xsd"),
    "http://dublincore.org/schemas/xmls/simpledc20021212.xsd": ("dc", "simpledc20021212.xsd"),
    "http://www.openarchives.org/OAI/2.0/oai_dc.xsd": ("oai-pmh", "oai_dc.xsd"),
}
_PARTS: Final = {
    "http://www.openarchives.org/OAI/2.0/": ("oai-pmh", "OAI-PMH.xsd"),
    "http://www.openarchives.org/OAI/2.0/oai_dc/": ("oai-pmh", "oai_dc.xsd"),
    "http://www.openarchives.org/OAI/2.0/oai-identifier": ("oai-pmh", "oai-identifier.xsd"),
    "http://www.loc.gov/MARC21/slim": ("marcxml", "MARC21slim.xsd"),
    "http://www.loc.gov/mods/v3": ("mods", "mods-3-8-fixed.xsd"),
    "http://www.loc.gov/METS/": ("mets", "mets.xsd"),
}
_SRU: Final = {
    "http://docs.oasis-open.org/ns/search-ws/sruResponse": ("sru", "sruResponse.xsd"),
    "http://docs.oasis-open.org/ns/search-ws/scan": ("sru", "scan.xsd"),
    **{name: _PARTS[name] for name in ("http://www.loc.gov/MARC21/slim", "http://www.loc.gov/mods/v3")},
}


class _Offline(etree.Resolver):
    """No schema is fetched."""

    def resolve(self, system_url: str, public_id: str, context: Any) -> Any:  # type: ignore[override]  # the stubs forget it
        """A file of the collection in a published schema's place."""
        if system_url in _ELSEWHERE:
            return self._file(*_ELSEWHERE[system_url], context=context)
        if system_url.startswith("http://docs.oasis-open.org/"):
            return self._file("sru", system_url.rpartition("/")[2].strip(), context=context)
        return None

    def _file(self, *where: str, context: Any) -> Any:
        return self.resolve_filename(str(shared_data(*where)), context)  # type: ignore[attr-defined]  # the same


def _together(parts: dict[str, tuple[str, str]]) -> etree.XMLSchema:
    parser = etree.XMLParser(no_network=True)
    parser.resolvers.add(_Offline())
    imports = "".join(
        f'<import namespace="{name}" schemaLocation="{shared_data(*where)}"/>'
        for name, where in parts.items()
    )
    head = f'<schema xmlns="http://www.w3.org/2001/XMLSchema">{imports}</schema>'
    return etree.XMLSchema(etree.fromstring(head, parser))


@cache
def oai() -> etree.XMLSchema:
    """OAI-PMH with every format that we give."""
    return _together(_PARTS)


@cache
def sru() -> etree.XMLSchema:
    """SRU 2.0 with the record schemas."""
    return _together(_SRU)


def valid(content: bytes, schema: etree.XMLSchema) -> etree._Element:
    """The document, once it is valid."""
    root = etree.fromstring(content)
    schema.assertValid(root)
    return root
