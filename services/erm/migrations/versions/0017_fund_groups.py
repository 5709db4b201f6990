"""Funds are looked at in groups, year by year."""

from chassis.migrations import script

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Make the tables of groups and of which funds are in them."""
    script("""
CREATE TABLE fund_group (
    id UUID NOT NULL,
    code TEXT NOT NULL,
    name TEXT NOT NULL,
    note TEXT,
    active BOOLEAN DEFAULT true NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version BIGINT DEFAULT '1' NOT NULL,
    PRIMARY KEY (id)
);
CREATE UNIQUE INDEX fund_group_one_per_code ON fund_group (code);
CREATE TABLE fund_group_member (
    group_id UUID NOT NULL,
    fiscal_year_id UUID NOT NULL,
    fund_id UUID NOT NULL,
    added_at TIMESTAMP WITH TIME ZONE NOT NULL,
    added_by TEXT NOT NULL,
    PRIMARY KEY (group_id, fiscal_year_id, fund_id),
    FOREIGN KEY(group_id) REFERENCES fund_group (id),
    FOREIGN KEY(fiscal_year_id) REFERENCES fiscal_year (id),
    FOREIGN KEY(fund_id) REFERENCES fund (id)
);
CREATE INDEX fund_group_member_by_fund ON fund_group_member (fund_id, fiscal_year_id);
CREATE INDEX fund_group_member_by_year ON fund_group_member (fiscal_year_id, group_id);
""")
