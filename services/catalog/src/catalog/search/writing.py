"""The one who writes an index."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final
from uuid import UUID

import tantivy
from tantivy import Query

from catalog.search.documents import TitleDocument, as_document, make_schema
from catalog.search.filing import Filing
from catalog.search.folders import filed_by, read_position, write_position

WRITER_BYTES: Final = 64_000_000


class AnotherWriter(Exception):
    """Another process writes this index already."""


class Writer:
    """Writes one index folder; there is one writer at a time, in all processes."""

    def __init__(
        self, folder: Path, name: str, *, memory: int = WRITER_BYTES, threads: int = 1, filing: str = ""
    ) -> None:
        self._path = folder / name
        self._path.mkdir(parents=True, exist_ok=True)
        told = filed_by(self._path)
        if told is None:
            (self._path / "filing").write_text(filing)
        self.filing = Filing(filing if told is None else told)
        self.schema = make_schema()
        self._index = tantivy.Index(self.schema, path=str(self._path))
        try:
            self._writer = self._index.writer(memory, threads)
        except ValueError as error:
            if "LockBusy" in str(error):
                raise AnotherWriter(f"another process writes {self._path}") from error
            raise

    def position(self) -> int:
        """How far the changes have been applied."""
        return read_position(self._path)

    def apply(self, upserts: Iterable[TitleDocument], deletes: Iterable[UUID], position: int) -> None:
        """Replace these titles and drop those, in one commit; then remember the position."""
        for title in upserts:
            self.replace(str(title.title_id), as_document(title, self.filing))
        for title_id in deletes:
            self.drop(str(title_id))
        self.commit(position)

    def add_new(self, titles: Iterable[TitleDocument]) -> None:
        """Add titles known not to be there (a rebuild); `commit` follows."""
        for title in titles:
            self.add(as_document(title, self.filing))

    def replace(self, key: str, title: str) -> None:
        """Put a title (`documents.as_document`) in place of what is there under its key; `commit` follows."""
        self.drop(key)
        self._writer.add_json(title)

    def add(self, title: str) -> None:
        """Add a title known not to be there; `commit` follows."""
        self._writer.add_json(title)

    def drop(self, key: str) -> None:
        """Drop a title; `commit` follows."""
        self._writer.delete_documents_by_query(Query.term_query(self.schema, "key", key))

    def commit(self, position: int) -> None:
        """Let readers see what was written, up to this position."""
        self._writer.commit()
        write_position(self._path, position)

    def close(self) -> None:
        """Finish merging and let go of the lock."""
        self._writer.wait_merging_threads()
