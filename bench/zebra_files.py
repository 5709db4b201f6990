"""How Zebra is told to index and answer what bench/zebra.py asks of it."""

from pathlib import Path
from typing import Final

_MAIN: Final = """\
profilePath: .:/usr/share/idzebra-2.0/tab
modulePath: /usr/lib/idzebra-2.0/modules:{modules}
attset: bib1.att
recordType: grs.marcxml.made
encoding: UTF-8
index: words.idx
register: registers:100G
lockDir: locks
keyTmpDir: temporary
setTmpDir: temporary
memMax: 512
storeKeys: 0
storeData: 1
rank: rank-1
"""
_FIELDS: Final = """\
name made
reference USmarc
attset bib1.att
esetname F @
esetname B @
marc usmarc.mar
encoding UTF-8
xpath disable
melm 245$c any
melm 245 title,any
melm 100$e any
melm 100 author,any
melm 700 author,any
melm 264 any
melm 520 any
melm 650 any
melm 651 any
"""
"""What our fields title, author and any have of a made record."""
_INDEXES: Final = """\
index w
completeness 0
position 1
firstinfield 1
icuchain words.xml
"""
_WORDS: Final = """\
<icu_chain locale="en">
  <transform rule="[:Control:] Any-Remove"/>
  <transform rule="Latin-ASCII"/>
  <tokenize rule="w"/>
  <transform rule="[[:WhiteSpace:][:Punctuation:]] Remove"/>
  <casemap rule="l"/>
</icu_chain>
"""
_CQL: Final = """\
set = info:srw/cql-context-set/1/cql-v1.1
set.cql = info:srw/cql-context-set/1/cql-v1.1
set.dc = info:srw/cql-context-set/1/dc-v1.1
index.cql.serverChoice = 1=any
index.dc.title = 1=title
index.dc.creator = 1=author
relation.eq = 2=3
relation.scr = 2=3
relation.adj = 2=3
relation.* = 2=3
relationModifier.relevant = 2=102
position.any = 3=3 6=1
structure.adj = 4=1
structure.* = 4=1
truncation.right = 5=1
truncation.none = 5=100
"""
_SERVER: Final = """\
<?xml version="1.0" encoding="UTF-8"?>
<yazgfs>
  <listen id="here">tcp:127.0.0.1:{port}</listen>
  <server id="made" listenref="here">
    <directory>.</directory>
    <config>zebra.cfg</config>
    <cql2rpn>cql.txt</cql2rpn>
    <explain xmlns="http://explain.z3950.org/dtd/2.0/">
      <serverInfo><host>127.0.0.1</host><port>{port}</port><database>Default</database></serverInfo>
    </explain>
  </server>
</yazgfs>
"""


def write_configuration(place: Path, *, port: int = 0) -> None:
    """Everything that Zebra reads."""
    for name in ("registers", "locks", "temporary"):
        (place / name).mkdir(parents=True, exist_ok=True)
    modules = next(
        iter(Path("/usr/lib").glob("*/idzebra-2.0/modules")), Path("/usr/local/lib/idzebra-2.0/modules")
    )
    for name, content in {
        "zebra.cfg": _MAIN.format(modules=modules),
        "made.abs": _FIELDS,
        "words.idx": _INDEXES,
        "words.xml": _WORDS,
        "cql.txt": _CQL,
        "yazserver.xml": _SERVER.format(port=port),
    }.items():
        (place / name).write_text(content)
