"""Title instances, their identifiers, and matches that somebody should look at."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlmodel import Field

from erm.metadata import Table, count, flag, key, ref, several, sorted_words, version, when, words

_ALIKE = "core_name IS NOT NULL AND medium = 'electronic' AND merged_into IS NULL"
_ALIKE_FROM_BEHIND = "reverse(core_name) IS NOT NULL AND medium = 'electronic' AND merged_into IS NULL"
"""Neither condition follows from the other: the planner, that knows nothing of a table that is being filled, would take
either index for the other's question."""


class TitleInstance(Table, table=True):
    """A title in one medium. Siblings in print and online share a work."""

    __tablename__ = "title_instance"
    __table_args__ = (
        CheckConstraint("kind IN ('serial', 'monograph')", name="title_instance_kind"),
        CheckConstraint("medium IN ('electronic', 'print')", name="title_instance_medium"),
        CheckConstraint("merged_into <> id", name="title_instance_not_merged_into_itself"),
        CheckConstraint("preceded_by <> id", name="title_instance_not_its_own_predecessor"),
        Index("title_instance_by_work", "work_id"),
        Index("title_instance_by_name", "sort_name", "id"),
        Index("title_instance_alike", "kind", "core_name", "id", postgresql_where=text(_ALIKE)),
        Index(
            "title_instance_alike_from_behind",
            "kind",
            text("reverse(core_name)"),
            "id",
            postgresql_where=text(_ALIKE_FROM_BEHIND),
        ),
        Index("title_instance_unnamed", "id", postgresql_where=text("core_name IS NULL")),
        Index("title_instance_merged", "merged_into", postgresql_where=text("merged_into IS NOT NULL")),
        Index("title_instance_after", "preceded_by", postgresql_where=text("preceded_by IS NOT NULL")),
    )

    id: UUID = Field(sa_column=key())
    work_id: UUID = Field(sa_column=ref())
    """What print and online have in common; the id of whichever came first."""
    name: str = Field(sa_column=words())
    sort_name: str = Field(sa_column=sorted_words())
    """Folded, to be sorted and matched by."""
    core_name: str | None = Field(default=None, sa_column=sorted_words(null=True))
    """Without subtitle, edition and article: what titles that are called alike are found by. None: not known yet."""
    kind: str = Field(sa_column=words())
    medium: str = Field(sa_column=words())
    publisher: str | None = Field(default=None, sa_column=words(null=True))
    first_author: str | None = Field(default=None, sa_column=words(null=True))
    first_editor: str | None = Field(default=None, sa_column=words(null=True))
    edition: str | None = Field(default=None, sa_column=words(null=True))
    volume: str | None = Field(default=None, sa_column=words(null=True))
    """Of a monograph in several volumes."""
    published_print: str | None = Field(default=None, sa_column=words(null=True))
    published_online: str | None = Field(default=None, sa_column=words(null=True))
    preceded_by: UUID | None = Field(default=None, sa_column=ref(to="title_instance.id", null=True))
    merged_into: UUID | None = Field(default=None, sa_column=ref(to="title_instance.id", null=True))
    split_from: UUID | None = Field(default=None, sa_column=ref(to="title_instance.id", null=True))
    created_at: datetime = Field(sa_column=when())
    version: int = Field(default=1, sa_column=version())


class TitleIdentifier(Table, table=True):
    """What a title is known by."""

    __tablename__ = "title_identifier"
    __table_args__ = (
        Index(
            "title_identifier_one_title",
            "namespace",
            "value",
            "medium",
            text("(\nCASE\n    WHEN approved THEN id\n    ELSE NULL::uuid\nEND)"),
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
        Index("title_identifier_by_title", "title_id"),
    )

    id: UUID = Field(sa_column=key())
    title_id: UUID = Field(sa_column=ref(to="title_instance.id"))
    namespace: str = Field(sa_column=words())
    value: str = Field(sa_column=words())
    medium: str = Field(sa_column=words())
    """The title's: a serial's print and online forms may bear one number, and stay two titles."""
    approved: bool = Field(default=False, sa_column=flag(default=False))
    """Somebody has decided that another title has it, too."""


class TitleReview(Table, table=True):
    """A match that a load could not be sure of."""

    __tablename__ = "title_review"
    __table_args__ = (
        CheckConstraint(
            "kind IN ('identifiers-disagree', 'identifier-shared', 'name-alike')", name="title_review_kind"
        ),
        CheckConstraint("state IN ('open', 'settled')", name="title_review_state"),
        Index("title_review_once", "kind", "title_id", "other_id", unique=True),
        Index("title_review_by_other", "other_id"),
        Index("title_review_open", "id", postgresql_where=text("state = 'open'")),
    )

    id: UUID = Field(sa_column=key())
    kind: str = Field(sa_column=words())
    title_id: UUID = Field(sa_column=ref(to="title_instance.id"))
    """The title that the list's row was taken for."""
    other_id: UUID = Field(sa_column=ref(to="title_instance.id"))
    """The one that it might be as well."""
    package_id: UUID = Field(sa_column=ref(to="package.id"))
    load_id: UUID = Field(sa_column=ref())
    line: int = Field(sa_column=count(None))
    score: int | None = Field(default=None, sa_column=count(None, null=True))
    """How alike they are by name, in percent."""
    why: list[str] = Field(sa_column=several())
    """What speaks for it, and against."""
    state: str = Field(default="open", sa_column=words())
    note: str | None = Field(default=None, sa_column=words(null=True))
    created_at: datetime = Field(sa_column=when())
    settled_at: datetime | None = Field(default=None, sa_column=when(null=True))
    settled_by: str | None = Field(default=None, sa_column=words(null=True))
    version: int = Field(default=1, sa_column=version())
