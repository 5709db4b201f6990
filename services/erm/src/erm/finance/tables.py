"""Where the money stands, and every transaction that brought it there."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlmodel import Field

from erm.metadata import Table, count, day, exact, flag, key, minor, ref, refs, several, version, when, words


class FiscalYear(Table, table=True):
    """A year of a series. Years of one series do not overlap: they are entered one at a time."""

    __tablename__ = "fiscal_year"
    __table_args__ = (
        Index("fiscal_year_one_per_code", "code", unique=True),
        CheckConstraint("starts_on <= ends_on", name="fiscal_year_runs_forwards"),
        CheckConstraint("state IN ('planned', 'open', 'closed')", name="fiscal_year_state"),
        Index("fiscal_year_by_series", "series", "starts_on"),
    )

    id: UUID = Field(sa_column=key())
    series: str = Field(sa_column=words())
    code: str = Field(sa_column=words())
    name: str = Field(sa_column=words())
    starts_on: date = Field(sa_column=day())
    ends_on: date = Field(sa_column=day())
    currency: str = Field(sa_column=words())
    state: str = Field(sa_column=words())
    order_grace_days: int | None = Field(default=None, sa_column=count(None, null=True))
    """Days after its end (before it, where negative) until which orders are taken; none: as long as it is open."""
    invoice_grace_days: int | None = Field(default=None, sa_column=count(None, null=True))
    """The same for invoices."""
    created_at: datetime = Field(sa_column=when())
    version: int = Field(default=1, sa_column=version())


class Ledger(Table, table=True):
    """Funds that are looked after together; its years are those of one series, in one currency."""

    __tablename__ = "ledger"
    __table_args__ = (
        Index("ledger_one_per_code", "code", unique=True),
        Index(
            "ledger_in_units",
            "acquisition_unit_ids",
            postgresql_using="gin",
            postgresql_where=text("acquisition_unit_ids <> '{}'"),
        ),
    )

    id: UUID = Field(sa_column=key())
    code: str = Field(sa_column=words())
    name: str = Field(sa_column=words())
    series: str = Field(sa_column=words())
    currency: str = Field(sa_column=words())
    acquisition_unit_ids: list[UUID] = Field(default_factory=list, sa_column=refs())
    """Who may see and change it; none: whoever has the scope."""
    created_at: datetime = Field(sa_column=when())
    version: int = Field(default=1, sa_column=version())


class Fund(Table, table=True):
    """What money is for. A fund has a budget in each year."""

    __tablename__ = "fund"
    __table_args__ = (
        Index("fund_one_per_code", "code", unique=True),
        Index("fund_by_ledger", "ledger_id", "id"),
        Index(
            "fund_in_units",
            "acquisition_unit_ids",
            postgresql_using="gin",
            postgresql_where=text("acquisition_unit_ids <> '{}'"),
        ),
    )

    id: UUID = Field(sa_column=key())
    ledger_id: UUID = Field(sa_column=ref(to="ledger.id"))
    code: str = Field(sa_column=words())
    name: str = Field(sa_column=words())
    account_number: str | None = Field(default=None, sa_column=words(null=True))
    """Of the university's own books."""
    location_ids: list[UUID] = Field(default_factory=list, sa_column=refs())
    """Where what it pays for may go; none: everywhere."""
    active: bool = Field(default=True, sa_column=flag(default=True))
    acquisition_unit_ids: list[UUID] = Field(default_factory=list, sa_column=refs())
    """Who may see and change it; none: whoever has the scope."""
    created_at: datetime = Field(sa_column=when())
    version: int = Field(default=1, sa_column=version())


class FundGroup(Table, table=True):
    """Funds that are looked at together, across ledgers: a faculty's, all of what is electronic."""

    __tablename__ = "fund_group"
    __table_args__ = (Index("fund_group_one_per_code", "code", unique=True),)

    id: UUID = Field(sa_column=key())
    code: str = Field(sa_column=words())
    name: str = Field(sa_column=words())
    note: str | None = Field(default=None, sa_column=words(null=True))
    active: bool = Field(default=True, sa_column=flag(default=True))
    created_at: datetime = Field(sa_column=when())
    version: int = Field(default=1, sa_column=version())


class FundGroupMember(Table, table=True):
    """A fund is in a group in a year; in another year it may be in others."""

    __tablename__ = "fund_group_member"
    __table_args__ = (
        Index("fund_group_member_by_fund", "fund_id", "fiscal_year_id"),
        Index("fund_group_member_by_year", "fiscal_year_id", "group_id"),
    )

    group_id: UUID = Field(sa_column=ref(to="fund_group.id", primary=True))
    fiscal_year_id: UUID = Field(sa_column=ref(to="fiscal_year.id", primary=True))
    fund_id: UUID = Field(sa_column=ref(to="fund.id", primary=True))
    added_at: datetime = Field(sa_column=when())
    added_by: str = Field(sa_column=words())


class ExpenseClass(Table, table=True):
    """What kind of spending it is: books, electronic, binding."""

    __tablename__ = "expense_class"
    __table_args__ = (Index("expense_class_one_per_code", "code", unique=True),)

    id: UUID = Field(sa_column=key())
    code: str = Field(sa_column=words())
    name: str = Field(sa_column=words())
    active: bool = Field(default=True, sa_column=flag(default=True))
    created_at: datetime = Field(sa_column=when())
    version: int = Field(default=1, sa_column=version())


class Budget(Table, table=True):
    """A fund's money in a year. The six sums are kept beside the transactions that they are the sums of."""

    __tablename__ = "budget"
    __table_args__ = (
        Index("budget_one_per_fund_and_year", "fund_id", "fiscal_year_id", unique=True),
        Index("budget_by_year", "fiscal_year_id", "id"),
        CheckConstraint(
            "state IN ('planned', 'active', 'frozen', 'inactive', 'closed')", name="budget_state"
        ),
        CheckConstraint("encumbered >= 0", name="budget_encumbers_no_less_than_nothing"),
        CheckConstraint("expended >= 0 AND credited >= 0", name="budget_spends_forwards"),
        CheckConstraint("allocated + transferred >= 0", name="budget_funded_by_no_less_than_nothing"),
    )

    id: UUID = Field(sa_column=key())
    fund_id: UUID = Field(sa_column=ref(to="fund.id"))
    fiscal_year_id: UUID = Field(sa_column=ref(to="fiscal_year.id"))
    state: str = Field(sa_column=words())
    state_before_closing: str | None = Field(default=None, sa_column=words(null=True))
    rollover_id: UUID | None = Field(default=None, sa_column=ref(null=True))
    """Its ledger went over into the next year: nothing more is set aside here."""
    encumbrance_percent: Decimal | None = Field(default=None, sa_column=exact(7, 2, null=True))
    """How much of the funding may be unavailable; none: no limit."""
    expenditure_percent: Decimal | None = Field(default=None, sa_column=exact(7, 2, null=True))
    """How much of the funding may be spent or await payment; none: no limit."""
    expense_classes: list[str] = Field(default_factory=list, sa_column=several())
    """Codes of the classes that may be charged; none: every one."""
    allocated: int = Field(default=0, sa_column=minor(0))
    transferred: int = Field(default=0, sa_column=minor(0))
    encumbered: int = Field(default=0, sa_column=minor(0))
    awaiting: int = Field(default=0, sa_column=minor(0))
    expended: int = Field(default=0, sa_column=minor(0))
    credited: int = Field(default=0, sa_column=minor(0))
    created_at: datetime = Field(sa_column=when())
    version: int = Field(default=1, sa_column=version())


class Encumbrance(Table, table=True):
    """Money set aside for what was ordered. It changes under its budget's lock, by transactions alone."""

    __tablename__ = "encumbrance"
    __table_args__ = (
        Index(
            "encumbrance_one_active",
            "order_line_id",
            "budget_id",
            text("coalesce(expense_class_id, '00000000-0000-0000-0000-000000000000'::uuid)"),
            unique=True,
            postgresql_where=text("state = 'active'"),
        ),
        Index("encumbrance_by_line", "order_line_id", "id"),
        Index("encumbrance_by_budget", "budget_id", "id"),
        CheckConstraint("state IN ('active', 'released')", name="encumbrance_state"),
        CheckConstraint("amount BETWEEN 0 AND initial", name="encumbrance_within_what_it_began_with"),
        CheckConstraint("state = 'active' OR amount = 0", name="encumbrance_released_is_nothing"),
        CheckConstraint(
            "rollover_id IS NULL OR state = 'released'", name="encumbrance_rolled_over_is_released"
        ),
    )

    id: UUID = Field(sa_column=key())
    order_line_id: UUID = Field(sa_column=ref())
    budget_id: UUID = Field(sa_column=ref(to="budget.id"))
    expense_class_id: UUID | None = Field(default=None, sa_column=ref(to="expense_class.id", null=True))
    state: str = Field(sa_column=words())
    released_by: UUID | None = Field(default=None, sa_column=ref(null=True))
    """The invoice that released it; none: the order did."""
    rollover_id: UUID | None = Field(default=None, sa_column=ref(null=True))
    """It went over into the next year, and is never set aside here again."""
    initial: int = Field(sa_column=minor())
    amount: int = Field(sa_column=minor())
    awaiting: int = Field(default=0, sa_column=minor(0))
    expended: int = Field(default=0, sa_column=minor(0))
    credited: int = Field(default=0, sa_column=minor(0))
    created_at: datetime = Field(sa_column=when())


class Transaction(Table, table=True):
    """What was done to a budget's sums. Written once, never changed; the sums can be made anew from these."""

    __tablename__ = "budget_transaction"
    __table_args__ = (
        Index("budget_transaction_by_budget", "budget_id", "id"),
        Index(
            "budget_transaction_by_invoice",
            "invoice_id",
            "id",
            postgresql_where=text("invoice_id IS NOT NULL"),
        ),
        Index(
            "budget_transaction_by_encumbrance",
            "encumbrance_id",
            postgresql_where=text("encumbrance_id IS NOT NULL"),
        ),
        CheckConstraint(
            "act IN ('allocate', 'transfer', 'encumber', 'change', 'release', 'restore', 'approve', 'pay', 'cancel')",
            name="budget_transaction_act",
        ),
    )

    id: UUID = Field(sa_column=key())
    batch_id: UUID = Field(sa_column=ref())
    """Done in one go, or not at all."""
    position: int = Field(sa_column=count(None))
    budget_id: UUID = Field(sa_column=ref(to="budget.id"))
    act: str = Field(sa_column=words())
    allocated: int = Field(default=0, sa_column=minor(0))
    transferred: int = Field(default=0, sa_column=minor(0))
    encumbered: int = Field(default=0, sa_column=minor(0))
    awaiting: int = Field(default=0, sa_column=minor(0))
    expended: int = Field(default=0, sa_column=minor(0))
    credited: int = Field(default=0, sa_column=minor(0))
    counterpart_id: UUID | None = Field(default=None, sa_column=ref(to="budget.id", null=True))
    """The budget at the other end of an allocation or transfer; none: it came from outside."""
    encumbrance_id: UUID | None = Field(default=None, sa_column=ref(to="encumbrance.id", null=True))
    order_line_id: UUID | None = Field(default=None, sa_column=ref(null=True))
    invoice_id: UUID | None = Field(default=None, sa_column=ref(null=True))
    invoice_line_id: UUID | None = Field(default=None, sa_column=ref(null=True))
    expense_class_id: UUID | None = Field(default=None, sa_column=ref(to="expense_class.id", null=True))
    note: str | None = Field(default=None, sa_column=words(null=True))
    at: datetime = Field(sa_column=when())
    actor: str = Field(sa_column=words())
