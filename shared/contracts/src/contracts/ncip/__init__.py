"""Messages of NCIP 2.02 (NISO Z39.83-2), read into nested dictionaries and written again.

Interlibrary loan sends them to a circulation that is not ours; circulation answers them. Only the services named in
`grammar` are spoken. XML is parsed by whoever has it (`Parsed`); nothing here touches the network.
"""

from contracts.ncip.grammar import SERVICES, SPACE, VERSION
from contracts.ncip.problems import Problem, problem, problems_in
from contracts.ncip.reading import Flaw, NotNcip, Parsed, Read, read
from contracts.ncip.writing import header, identifier, write

__all__ = [
    "SERVICES",
    "SPACE",
    "VERSION",
    "Flaw",
    "NotNcip",
    "Parsed",
    "Problem",
    "Read",
    "header",
    "identifier",
    "problem",
    "problems_in",
    "read",
    "write",
]
