"""OpenURLs (ANSI/NISO Z39.88-2004, and 0.1 before it), read into a citation and written again.

The link resolver reads them, and writes the one that interlibrary loan reads. No network: metadata given by reference
is never fetched. Who asks (`req_*`) is dropped at once, so that nobody keeps or logs it.
"""

from contracts.openurl.citation import Flaw, OpenUrl, of_citation
from contracts.openurl.reading import LONGEST, Unreadable, read, without_requester
from contracts.openurl.writing import write

__all__ = ["LONGEST", "Flaw", "OpenUrl", "Unreadable", "of_citation", "read", "without_requester", "write"]
