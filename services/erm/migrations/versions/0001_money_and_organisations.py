"""Organisations, and the money: years, ledgers, funds, budgets, encumbrances, transactions."""

from chassis.migrations import script
from chassis.schema import SQL

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the first tables."""
    script(SQL)
    script("""
CREATE TABLE expense_class (
    id UUID NOT NULL,
    code TEXT NOT NULL,
    name TEXT NOT NULL,
    active BOOLEAN DEFAULT true NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version BIGINT DEFAULT '1' NOT NULL,
    PRIMARY KEY (id)
);
CREATE UNIQUE INDEX expense_class_one_per_code ON expense_class (code);
CREATE TABLE fiscal_year (
    id UUID NOT NULL,
    series TEXT NOT NULL,
    code TEXT NOT NULL,
    name TEXT NOT NULL,
    starts_on DATE NOT NULL,
    ends_on DATE NOT NULL,
    currency TEXT NOT NULL,
    state TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version BIGINT DEFAULT '1' NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT fiscal_year_runs_forwards CHECK (starts_on <= ends_on),
    CONSTRAINT fiscal_year_state CHECK (state IN ('planned', 'open', 'closed'))
);
CREATE INDEX fiscal_year_by_series ON fiscal_year (series, starts_on);
CREATE UNIQUE INDEX fiscal_year_one_per_code ON fiscal_year (code);
CREATE TABLE ledger (
    id UUID NOT NULL,
    code TEXT NOT NULL,
    name TEXT NOT NULL,
    series TEXT NOT NULL,
    currency TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version BIGINT DEFAULT '1' NOT NULL,
    PRIMARY KEY (id)
);
CREATE UNIQUE INDEX ledger_one_per_code ON ledger (code);
CREATE TABLE organisation (
    id UUID NOT NULL,
    code TEXT NOT NULL,
    name TEXT NOT NULL,
    roles TEXT[] DEFAULT '{}' NOT NULL,
    currency TEXT,
    accounts JSONB NOT NULL,
    identifiers JSONB NOT NULL,
    note TEXT,
    active BOOLEAN DEFAULT true NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version BIGINT DEFAULT '1' NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT organisation_is_something CHECK (cardinality(roles) > 0)
);
CREATE UNIQUE INDEX organisation_one_per_code ON organisation (code);
CREATE TABLE fund (
    id UUID NOT NULL,
    ledger_id UUID NOT NULL,
    code TEXT NOT NULL,
    name TEXT NOT NULL,
    account_number TEXT,
    active BOOLEAN DEFAULT true NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version BIGINT DEFAULT '1' NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY(ledger_id) REFERENCES ledger (id)
);
CREATE INDEX fund_by_ledger ON fund (ledger_id, id);
CREATE UNIQUE INDEX fund_one_per_code ON fund (code);
CREATE TABLE budget (
    id UUID NOT NULL,
    fund_id UUID NOT NULL,
    fiscal_year_id UUID NOT NULL,
    state TEXT NOT NULL,
    state_before_closing TEXT,
    encumbrance_percent NUMERIC(7, 2),
    expenditure_percent NUMERIC(7, 2),
    expense_classes TEXT[] DEFAULT '{}' NOT NULL,
    allocated BIGINT DEFAULT '0' NOT NULL,
    transferred BIGINT DEFAULT '0' NOT NULL,
    encumbered BIGINT DEFAULT '0' NOT NULL,
    awaiting BIGINT DEFAULT '0' NOT NULL,
    expended BIGINT DEFAULT '0' NOT NULL,
    credited BIGINT DEFAULT '0' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version BIGINT DEFAULT '1' NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT budget_state CHECK (state IN ('planned', 'active', 'frozen', 'inactive', 'closed')),
    CONSTRAINT budget_encumbers_no_less_than_nothing CHECK (encumbered >= 0),
    CONSTRAINT budget_spends_forwards CHECK (expended >= 0 AND credited >= 0),
    CONSTRAINT budget_funded_by_no_less_than_nothing CHECK (allocated + transferred >= 0),
    FOREIGN KEY(fund_id) REFERENCES fund (id),
    FOREIGN KEY(fiscal_year_id) REFERENCES fiscal_year (id)
);
CREATE INDEX budget_by_year ON budget (fiscal_year_id, id);
CREATE UNIQUE INDEX budget_one_per_fund_and_year ON budget (fund_id, fiscal_year_id);
CREATE TABLE encumbrance (
    id UUID NOT NULL,
    order_line_id UUID NOT NULL,
    budget_id UUID NOT NULL,
    expense_class_id UUID,
    state TEXT NOT NULL,
    released_by UUID,
    initial BIGINT NOT NULL,
    amount BIGINT NOT NULL,
    awaiting BIGINT DEFAULT '0' NOT NULL,
    expended BIGINT DEFAULT '0' NOT NULL,
    credited BIGINT DEFAULT '0' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT encumbrance_state CHECK (state IN ('active', 'released')),
    CONSTRAINT encumbrance_within_what_it_began_with CHECK (amount BETWEEN 0 AND initial),
    CONSTRAINT encumbrance_released_is_nothing CHECK (state = 'active' OR amount = 0),
    FOREIGN KEY(budget_id) REFERENCES budget (id),
    FOREIGN KEY(expense_class_id) REFERENCES expense_class (id)
);
CREATE INDEX encumbrance_by_budget ON encumbrance (budget_id, id);
CREATE INDEX encumbrance_by_line ON encumbrance (order_line_id, id);
CREATE UNIQUE INDEX encumbrance_one_active ON encumbrance (order_line_id, budget_id, coalesce(expense_class_id, '00000000-0000-0000-0000-000000000000'::uuid)) WHERE state = 'active';
CREATE TABLE budget_transaction (
    id UUID NOT NULL,
    batch_id UUID NOT NULL,
    position INTEGER NOT NULL,
    budget_id UUID NOT NULL,
    act TEXT NOT NULL,
    allocated BIGINT DEFAULT '0' NOT NULL,
    transferred BIGINT DEFAULT '0' NOT NULL,
    encumbered BIGINT DEFAULT '0' NOT NULL,
    awaiting BIGINT DEFAULT '0' NOT NULL,
    expended BIGINT DEFAULT '0' NOT NULL,
    credited BIGINT DEFAULT '0' NOT NULL,
    counterpart_id UUID,
    encumbrance_id UUID,
    order_line_id UUID,
    invoice_id UUID,
    invoice_line_id UUID,
    expense_class_id UUID,
    note TEXT,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    actor TEXT NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT budget_transaction_act CHECK (act IN ('allocate', 'transfer', 'encumber', 'change', 'release', 'restore', 'approve', 'pay', 'cancel')),
    FOREIGN KEY(budget_id) REFERENCES budget (id),
    FOREIGN KEY(counterpart_id) REFERENCES budget (id),
    FOREIGN KEY(encumbrance_id) REFERENCES encumbrance (id),
    FOREIGN KEY(expense_class_id) REFERENCES expense_class (id)
);
CREATE INDEX budget_transaction_by_budget ON budget_transaction (budget_id, id);
CREATE INDEX budget_transaction_by_encumbrance ON budget_transaction (encumbrance_id) WHERE encumbrance_id IS NOT NULL;
CREATE INDEX budget_transaction_by_invoice ON budget_transaction (invoice_id, id) WHERE invoice_id IS NOT NULL;
""")
