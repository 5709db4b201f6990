"""Every table of the gateway, on its own metadata (SQLModel's default one is shared by all in one box)."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Text,
    Uuid,
)
from sqlalchemy import text as sql_text
from sqlalchemy.dialects.postgresql import JSONB, TSVECTOR
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel


class Table(SQLModel, registry=registry()):
    """What all of the gateway's tables share: their metadata."""


def _when(*, null: bool = False) -> Any:
    return Column(DateTime(timezone=True), nullable=null)


def _texts(*, null: bool = False) -> Any:
    return Column(ARRAY(Text), nullable=null)


class SigningKey(Table, table=True):
    """A key pair, the private part sealed."""

    __tablename__ = "signing_key"

    kid: str = Field(sa_column=Column(Text, primary_key=True))
    sealed: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    signs_from: datetime = Field(sa_column=_when())
    signs_until: datetime = Field(sa_column=_when())


class Account(Table, table=True):
    """A person who signs in here."""

    __tablename__ = "account"
    __table_args__ = (
        Index("account_username", "username", unique=True),
        Index("account_by_patron", "patron_id", postgresql_where="patron_id IS NOT NULL"),
        CheckConstraint("username = lower(username)", name="account_username_folded"),
    )

    id: UUID = Field(sa_column=Column(Uuid, primary_key=True))
    username: str = Field(sa_column=Column(Text, nullable=False))
    password_hash: str = Field(sa_column=Column(Text, nullable=False))
    roles: list[str] = Field(sa_column=_texts())
    patron_id: UUID | None = Field(default=None, sa_column=Column(Uuid, nullable=True))
    libraries: list[str] | None = Field(default=None, sa_column=_texts(null=True))
    service_point_id: UUID | None = Field(default=None, sa_column=Column(Uuid, nullable=True))
    disabled: bool = Field(default=False)
    failures: int = Field(default=0)
    locked_until: datetime | None = Field(default=None, sa_column=_when(null=True))
    version: int = Field(default=1)
    created_at: datetime = Field(sa_column=_when())


def _of_account(*, key: bool = False) -> Any:
    return Column(Uuid, ForeignKey("account.id", ondelete="CASCADE"), primary_key=key, nullable=False)


class AccountTotp(Table, table=True):
    """The secret that an account's app makes its codes of (RFC 6238), sealed."""

    __tablename__ = "account_totp"

    account_id: UUID = Field(sa_column=_of_account(key=True))
    sealed: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    made_at: datetime = Field(sa_column=_when())
    confirmed_at: datetime | None = Field(default=None, sa_column=_when(null=True))
    last_step: int = Field(default=0, sa_column=Column(BigInteger, nullable=False, server_default="0"))
    """The time step of the last code that was taken: none up to it is taken again."""


class RecoveryCode(Table, table=True):
    """A code that stands in for the app, once; kept as a hash."""

    __tablename__ = "recovery_code"

    account_id: UUID = Field(sa_column=_of_account(key=True))
    digest: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))


class Passkey(Table, table=True):
    """A key pair in somebody's device (WebAuthn); here is the public one."""

    __tablename__ = "passkey"
    __table_args__ = (Index("passkey_by_account", "account_id"),)

    credential_id: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    id: UUID = Field(sa_column=Column(Uuid, unique=True, nullable=False))
    account_id: UUID = Field(sa_column=_of_account())
    name: str = Field(sa_column=Column(Text, nullable=False))
    public_key: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    sign_count: int = Field(sa_column=Column(BigInteger, nullable=False))
    made_at: datetime = Field(sa_column=_when())
    used_at: datetime | None = Field(default=None, sa_column=_when(null=True))


class Client(Table, table=True):
    """A machine: an OAuth2 client, or the holder of an API key."""

    __tablename__ = "client"
    __table_args__ = (
        CheckConstraint("kind IN ('oauth2', 'api-key')", name="client_kind"),
        Index("client_by_budget", "id", postgresql_where="per_minute IS NOT NULL"),
        Index("client_by_owner", "owner_id", "id", postgresql_where="owner_id IS NOT NULL"),
    )

    id: UUID = Field(sa_column=Column(Uuid, primary_key=True))
    kind: str = Field(sa_column=Column(Text, nullable=False))
    name: str = Field(sa_column=Column(Text, nullable=False))
    secret_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    previous_hash: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    """Of the secret before it, which is good for a while longer."""
    previous_expires_at: datetime | None = Field(default=None, sa_column=_when(null=True))
    networks: list[str] | None = Field(default=None, sa_column=_texts(null=True))
    """Where it may come from; None: anywhere."""
    jwks: dict[str, Any] | None = Field(
        default=None, sa_column=Column(JSONB(none_as_null=True), nullable=True)
    )
    """The public keys that it proves itself with instead of a secret (RFC 7517)."""
    grants: list[str] = Field(default_factory=lambda: ["client_credentials"], sa_column=_texts())
    """How it gets tokens."""
    redirect_uris: list[str] = Field(default_factory=list, sa_column=_texts())
    """Where browsers are sent back to with a code."""
    origins: list[str] = Field(default_factory=list, sa_column=_texts())
    """Where its pages are whose scripts ask us."""
    public: bool = Field(default=False)
    """It runs where it can keep no secret: in a browser, on somebody's telephone."""
    in_house: bool = Field(default=False)
    """It is the library's own: nobody is asked whether it may act for them."""
    version: int = Field(default=1)
    per_minute: int | None = Field(default=None)
    """Requests a minute, where it has a budget of its own."""
    last_used_on: date | None = Field(default=None, sa_column=Column(Date, nullable=True))
    leaked_at: datetime | None = Field(default=None, sa_column=_when(null=True))
    """When its key first stood in an address."""
    scopes: list[str] = Field(sa_column=_texts())
    libraries: list[str] | None = Field(default=None, sa_column=_texts(null=True))
    service_point_id: UUID | None = Field(default=None, sa_column=Column(Uuid, nullable=True))
    expires_at: datetime | None = Field(default=None, sa_column=_when(null=True))
    revoked_at: datetime | None = Field(default=None, sa_column=_when(null=True))
    created_at: datetime = Field(sa_column=_when())
    created_by: str = Field(sa_column=Column(Text, nullable=False))
    owner_id: UUID | None = Field(default=None, sa_column=Column(Uuid, nullable=True))
    """Who made it for their own work, by the id of their account or as a person of a campus: it may never more than
    they may at the moment."""


class ClientAssertion(Table, table=True):
    """An assertion that a machine has proven itself with: no second time."""

    __tablename__ = "client_assertion"
    __table_args__ = (Index("client_assertion_by_age", "expires_at"),)

    client_id: UUID = Field(sa_column=Column(Uuid, primary_key=True))
    jti: str = Field(sa_column=Column(Text, primary_key=True))
    expires_at: datetime = Field(sa_column=_when())


class AuditEntry(Table, table=True):
    """A request that changed something, or was turned away at the door."""

    __tablename__ = "audit_entry"
    __table_args__ = (
        Index("audit_entry_by_actor", "actor", "id"),
        Index("audit_entry_addressed", "at", postgresql_where="address IS NOT NULL"),
    )

    id: UUID = Field(sa_column=Column(Uuid, primary_key=True))
    at: datetime = Field(sa_column=_when())
    actor: str = Field(sa_column=Column(Text, nullable=False))
    method: str = Field(sa_column=Column(Text, nullable=False))
    path: str = Field(sa_column=Column(Text, nullable=False))
    status: int
    took_ms: int
    traceparent: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    address: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    """Where it came from; forgotten after a month."""


def _text(*, null: bool = False, key: bool = False) -> Any:
    return Column(Text, nullable=null and not key, primary_key=key)


def _bytes(*, null: bool = False, key: bool = False) -> Any:
    return Column(LargeBinary, nullable=null and not key, primary_key=key)


def _told(*, null: bool = False) -> Any:
    return Column(JSONB, nullable=null)


def _id(*, null: bool = False, key: bool = False) -> Any:
    return Column(Uuid, nullable=null and not key, primary_key=key)


class SignOn(Table, table=True):
    """How people sign in by their campus: one document."""

    __tablename__ = "sign_on"
    __table_args__ = (CheckConstraint("one", name="sign_on_only_one"),)

    one: bool = Field(default=True, sa_column=Column(Boolean, primary_key=True))
    version: int = Field(default=1)
    document: dict[str, Any] = Field(sa_column=_told())
    applied_at: datetime | None = Field(default=None, sa_column=_when(null=True))
    applied_by: str | None = Field(default=None, sa_column=_text(null=True))


class SamlKey(Table, table=True):
    """A key of ours as a service provider, the private part sealed."""

    __tablename__ = "saml_key"
    __table_args__ = (
        CheckConstraint("state IN ('next', 'current', 'former')", name="saml_key_state"),
        Index("saml_key_one_current", "state", unique=True, postgresql_where="state = 'current'"),
        Index("saml_key_one_next", "state", unique=True, postgresql_where="state = 'next'"),
    )

    kid: str = Field(sa_column=_text(key=True))
    state: str = Field(sa_column=_text())
    sealed: bytes = Field(sa_column=_bytes())
    certificate: str = Field(sa_column=_text())
    created_at: datetime = Field(sa_column=_when())
    changed_at: datetime = Field(sa_column=_when())


class SamlSource(Table, table=True):
    """Where identity providers come from, and how the last try went."""

    __tablename__ = "saml_source"

    name: str = Field(sa_column=_text(key=True))
    settings: bytes = Field(sa_column=_bytes())
    """What of the document its rows were made by."""
    fetched_at: datetime | None = Field(default=None, sa_column=_when(null=True))
    tried_at: datetime | None = Field(default=None, sa_column=_when(null=True))
    valid_until: datetime | None = Field(default=None, sa_column=_when(null=True))
    tags: dict[str, Any] = Field(sa_column=_told())
    digest: bytes | None = Field(default=None, sa_column=_bytes(null=True))
    providers: int = Field(default=0)
    failure: str | None = Field(default=None, sa_column=_text(null=True))
    failing_since: datetime | None = Field(default=None, sa_column=_when(null=True))


class SamlProvider(Table, table=True):
    """An identity provider as a source describes it; without a document: one that a server does not know."""

    __tablename__ = "saml_provider"
    __table_args__ = (
        Index("saml_provider_entity", "entity_id", "ordinal"),
        Index("saml_provider_by_label", "label", "entity_id", postgresql_where="admitted AND NOT hidden"),
        Index(
            "saml_provider_search",
            "search",
            postgresql_using="gin",
            postgresql_where="admitted AND NOT hidden",
        ),
        Index("saml_provider_due", "asked_again_at", postgresql_where="asked_again_at IS NOT NULL"),
    )

    source: str = Field(
        sa_column=Column(Text, ForeignKey("saml_source.name", ondelete="CASCADE"), primary_key=True)
    )
    entity_id: str = Field(sa_column=_text(key=True))
    ordinal: int = Field(sa_column=Column(Integer, nullable=False))
    """The place of the source in the document: of several that have an entity the first counts."""
    label: str = Field(sa_column=_text())
    hidden: bool
    admitted: bool
    valid_until: datetime | None = Field(default=None, sa_column=_when(null=True))
    asked_again_at: datetime | None = Field(default=None, sa_column=_when(null=True))
    document: dict[str, Any] | None = Field(default=None, sa_column=_told(null=True))
    search: Any = Field(sa_column=Column(TSVECTOR, nullable=False))


class SamlRequest(Table, table=True):
    """A request that we sent; answered once, by the browser that it was given to."""

    __tablename__ = "saml_request"
    __table_args__ = (
        Index("saml_request_relay", "relay_hash", unique=True),
        Index("saml_request_made", "made_at"),
    )

    id: str = Field(sa_column=_text(key=True))
    relay_hash: bytes = Field(sa_column=_bytes())
    browser_hash: bytes = Field(sa_column=_bytes())
    entity_id: str = Field(sa_column=_text())
    context: str | None = Field(default=None, sa_column=_text(null=True))
    return_to: str = Field(sa_column=_text())
    made_at: datetime = Field(sa_column=_when())
    used_at: datetime | None = Field(default=None, sa_column=_when(null=True))


class DoorRequest(Table, table=True):
    """A request to sign in at a door beside SAML; answered once, by the browser that it was given to."""

    __tablename__ = "door_request"
    __table_args__ = (Index("door_request_made", "made_at"),)

    state_hash: bytes = Field(sa_column=_bytes(key=True))
    browser_hash: bytes = Field(sa_column=_bytes())
    door: str = Field(sa_column=_text())
    name: str = Field(sa_column=_text())
    context: str | None = Field(default=None, sa_column=_text(null=True))
    return_to: str = Field(sa_column=_text())
    sealed: bytes = Field(sa_column=_bytes())
    made_at: datetime = Field(sa_column=_when())
    used_at: datetime | None = Field(default=None, sa_column=_when(null=True))


class SignOnSecret(Table, table=True):
    """What a door and whom it believes alone know, sealed."""

    __tablename__ = "sign_on_secret"

    name: str = Field(sa_column=_text(key=True))
    sealed: bytes = Field(sa_column=_bytes())
    set_at: datetime = Field(sa_column=_when())
    set_by: str = Field(sa_column=_text())


class SamlMessageSeen(Table, table=True):
    """A message that was taken; nothing is taken twice."""

    __tablename__ = "saml_message_seen"
    __table_args__ = (Index("saml_message_seen_until", "until"),)

    digest: bytes = Field(sa_column=_bytes(key=True))
    until: datetime = Field(sa_column=_when())


class Person(Table, table=True):
    """Somebody whom a campus knows."""

    __tablename__ = "person"
    __table_args__ = (
        Index("person_key", "key_kind", "key_value", unique=True),
        Index("person_by_patron", "patron_id", postgresql_where="patron_id IS NOT NULL"),
        Index("person_at_work", "door", "entity_id", postgresql_where="roles <> '{}'"),
    )

    id: UUID = Field(sa_column=_id(key=True))
    key_kind: str = Field(sa_column=_text())
    key_value: str = Field(sa_column=_text())
    entity_id: str = Field(sa_column=_text())
    patron_id: UUID | None = Field(default=None, sa_column=_id(null=True))
    registered_at: datetime = Field(sa_column=_when())
    signed_in_at: datetime = Field(sa_column=_when())
    door: str | None = Field(default=None, sa_column=_text(null=True))
    """By which they came in last; None: by none that says which roles they have (an account, a course)."""
    roles: list[str] = Field(
        default_factory=list, sa_column=Column(ARRAY(Text), nullable=False, server_default=sql_text("'{}'"))
    )
    """What their own keys are measured by."""
    libraries: list[str] | None = Field(default=None, sa_column=_texts(null=True))
    judged_at: datetime | None = Field(default=None, sa_column=_when(null=True))
    """When the rules last said so."""


class BrowserSession(Table, table=True):
    """A browser in which somebody is signed in."""

    __tablename__ = "browser_session"
    __table_args__ = (
        Index("browser_session_token", "token_hash", unique=True),
        Index("browser_session_name", "entity_id", "name_hash"),
        Index("browser_session_index", "entity_id", "session_index"),
        Index("browser_session_person", "person_id"),
        Index("browser_session_by_patron", "patron_id", postgresql_where="patron_id IS NOT NULL"),
        Index("browser_session_ends", "ends_at"),
    )

    id: UUID = Field(sa_column=_id(key=True))
    token_hash: bytes = Field(sa_column=_bytes())
    person_id: UUID = Field(
        sa_column=Column(Uuid, ForeignKey("person.id", ondelete="CASCADE"), nullable=False)
    )
    patron_id: UUID | None = Field(default=None, sa_column=_id(null=True))
    roles: list[str] = Field(sa_column=_texts())
    libraries: list[str] | None = Field(default=None, sa_column=_texts(null=True))
    door: str = Field(
        default="saml", sa_column=Column(Text, nullable=False, server_default=sql_text("'saml'"))
    )
    """By which they came in: `saml`, `oidc`, `cas`, `shib`, `ldap`, `account`."""
    entity_id: str | None = Field(default=None, sa_column=_text(null=True))
    name_hash: bytes | None = Field(default=None, sa_column=_bytes(null=True))
    name_sealed: bytes | None = Field(default=None, sa_column=_bytes(null=True))
    """What the identity provider calls them; needed to sign out there."""
    session_index: str | None = Field(default=None, sa_column=_text(null=True))
    context: str | None = Field(default=None, sa_column=_text(null=True))
    authenticated_at: datetime | None = Field(default=None, sa_column=_when(null=True))
    began_at: datetime = Field(sa_column=_when())
    seen_at: datetime = Field(sa_column=_when())
    idle_seconds: int
    ends_at: datetime = Field(sa_column=_when())


class PatronToken(Table, table=True):
    """What a program was given for a patron's card and PIN (PAIA auth), as a hash."""

    __tablename__ = "patron_token"
    __table_args__ = (
        Index("patron_token_by_patron", "patron_id", "ends_at"),
        Index("patron_token_ends", "ends_at"),
    )

    token_hash: bytes = Field(sa_column=_bytes(key=True))
    patron_id: UUID = Field(sa_column=_id())
    scopes: list[str] = Field(sa_column=_texts())
    ends_at: datetime = Field(sa_column=_when())


class SignIn(Table, table=True):
    """What an identity provider said at one sign-in, as far as rules look at it, and what came of it."""

    __tablename__ = "sign_in"
    __table_args__ = (
        CheckConstraint("outcome IN ('signed-in', 'turned-away', 'refused')", name="sign_in_outcome"),
        Index("sign_in_at", "at"),
        Index("sign_in_person", "person_id", "id"),
    )

    id: UUID = Field(sa_column=_id(key=True))
    at: datetime = Field(sa_column=_when())
    entity_id: str = Field(sa_column=_text())
    person_id: UUID | None = Field(default=None, sa_column=_id(null=True))
    outcome: str = Field(sa_column=_text())
    reasons: list[str] = Field(sa_column=_texts())
    facts: dict[str, Any] = Field(sa_column=_told())
    standing: dict[str, Any] = Field(sa_column=_told())
