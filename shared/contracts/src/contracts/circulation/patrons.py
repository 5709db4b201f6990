"""What circulation tells of patrons, by their ids: no name and no address."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from contracts.catalog import Fact
from contracts.circulation.listeners import ERM, GATEWAY, ILL
from contracts.events import Event, Part


class PatronCreated(Event):
    """A patron was registered."""

    type: ClassVar = "circulation.patron-created.v1"
    subject: ClassVar = "patron_ref"
    listeners: ClassVar = ILL

    patron_ref: UUID
    patron_group: str
    custom: dict[str, Fact] | None = None
    """What the library has decided to note of patrons, and says nothing of the person; told where there is any."""
    tags: tuple[str, ...] | None = None
    """Of these, too, only those that say nothing of the person."""


class PatronUpdated(Event):
    """A patron's registration changed."""

    type: ClassVar = "circulation.patron-updated.v1"
    subject: ClassVar = "patron_ref"
    listeners: ClassVar = ILL | ERM

    patron_ref: UUID
    patron_group: str
    changed: tuple[str, ...] = ()
    active: bool | None = None
    """Whether they are a patron still; told where `changed` has it."""
    custom: dict[str, Fact] | None = None
    """What the library has decided to note of patrons, and says nothing of the person; told where `changed` has it."""
    tags: tuple[str, ...] | None = None
    """Of these, too, only those that say nothing of the person; told where `changed` has it."""


class PatronMerged(Event):
    """Registrations of one person became one: whatever named one of them names the surviving one from now on."""

    type: ClassVar = "circulation.patron-merged.v1"
    subject: ClassVar = "patron_ref"
    listeners: ClassVar = ILL | GATEWAY | ERM

    patron_ref: UUID
    merged_refs: tuple[UUID, ...]
    patron_group: str
    loans: int
    """How many moved, open and past."""
    holds: int
    fees: int
    holds_given_up: tuple[UUID, ...] = ()
    """Of two holds on one title; each has its own event, too."""


class PatronState(Part):
    """A patron as they now are: a reference, no name."""

    patron_ref: UUID
    patron_group: str
    version: int


class BlockState(Part):
    """What stops a patron now."""

    block_id: UUID
    patron_ref: UUID
    actions: tuple[str, ...]
    until: datetime | None = None
    version: int


class PatronsAnnounced(Event):
    """Up to 500 patrons, and what stops them: for a reader who is new."""

    type: ClassVar = "circulation.patrons-announced.v1"
    subject: ClassVar = "batch_id"
    listeners: ClassVar = ILL

    batch_id: UUID
    patrons: tuple[PatronState, ...]
    blocks: tuple[BlockState, ...] = ()
    last: bool = False


class PatronBlockAdded(Event):
    """Staff blocked a patron; why is not told."""

    type: ClassVar = "circulation.patron-block-added.v1"
    subject: ClassVar = "block_id"
    partition: ClassVar = "patron_ref"
    listeners: ClassVar = ILL

    block_id: UUID
    patron_ref: UUID
    actions: tuple[str, ...]
    template: str | None = None
    until: datetime | None = None


class PatronBlockRemoved(Event):
    """Staff lifted a block of a patron. One that runs out is told by its `until`."""

    type: ClassVar = "circulation.patron-block-removed.v1"
    subject: ClassVar = "block_id"
    partition: ClassVar = "patron_ref"
    listeners: ClassVar = ILL

    block_id: UUID
    patron_ref: UUID


class PatronSuspended(Event):
    """A patron may not do some things until a moment, for having been late: a block was made, or made longer."""

    type: ClassVar = "circulation.patron-suspended.v1"
    subject: ClassVar = "block_id"
    partition: ClassVar = "patron_ref"
    listeners: ClassVar = ILL

    block_id: UUID
    patron_ref: UUID
    actions: tuple[str, ...]
    until: datetime


class PatronProxyGranted(Event):
    """Somebody may borrow for a patron from now on, or between two moments."""

    type: ClassVar = "circulation.patron-proxy-granted.v1"
    subject: ClassVar = "relation_id"
    partition: ClassVar = "sponsor_ref"

    relation_id: UUID
    sponsor_ref: UUID
    proxy_ref: UUID
    valid_from: datetime | None = None
    valid_to: datetime | None = None


class PatronProxyRevoked(Event):
    """Somebody may borrow for a patron no more."""

    type: ClassVar = "circulation.patron-proxy-revoked.v1"
    subject: ClassVar = "relation_id"
    partition: ClassVar = "sponsor_ref"

    relation_id: UUID
    sponsor_ref: UUID
    proxy_ref: UUID


class PatronGuarantorNamed(Event):
    """Somebody answers for a patron from now on."""

    type: ClassVar = "circulation.patron-guarantor-named.v1"
    subject: ClassVar = "relation_id"
    partition: ClassVar = "ward_ref"

    relation_id: UUID
    ward_ref: UUID
    guarantor_ref: UUID


class PatronGuarantorReleased(Event):
    """Somebody answers for a patron no more."""

    type: ClassVar = "circulation.patron-guarantor-released.v1"
    subject: ClassVar = "relation_id"
    partition: ClassVar = "ward_ref"

    relation_id: UUID
    ward_ref: UUID
    guarantor_ref: UUID
