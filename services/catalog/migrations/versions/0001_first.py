"""Locations, titles, holdings, items, imports, withdrawals."""

from chassis.migrations import script
from chassis.schema import SQL

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the first tables."""
    script(SQL)
    script("""
CREATE TABLE configuration_state (
    singleton BOOLEAN DEFAULT true NOT NULL,
    version BIGINT DEFAULT '1' NOT NULL,
    PRIMARY KEY (singleton)
);
CREATE TABLE import_outcome (
    import_id UUID NOT NULL,
    ordinal INTEGER NOT NULL,
    position BIGINT NOT NULL,
    control_number TEXT,
    outcome TEXT NOT NULL,
    title_id UUID,
    reasons JSONB DEFAULT '[]' NOT NULL,
    original BYTEA,
    PRIMARY KEY (import_id, ordinal)
);
CREATE INDEX import_outcome_title ON import_outcome (import_id, title_id) WHERE title_id IS NOT NULL;
CREATE INDEX import_outcome_trouble ON import_outcome (import_id, outcome, ordinal) WHERE outcome IN ('duplicate', 'discarded', 'rejected', 'failed');
CREATE TABLE institution (
    id UUID NOT NULL,
    code TEXT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (id)
);
CREATE UNIQUE INDEX institution_code ON institution (code);
CREATE TABLE item_availability (
    item_id UUID NOT NULL,
    epoch INTEGER DEFAULT '1' NOT NULL,
    version BIGINT DEFAULT '1' NOT NULL,
    state TEXT NOT NULL,
    lendable BOOLEAN DEFAULT false NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE,
    as_of TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (item_id)
);
CREATE TABLE loan_type (
    code TEXT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (code)
);
CREATE TABLE material_type (
    code TEXT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (code)
);
CREATE TABLE title (
    id UUID NOT NULL,
    hrid BIGINT GENERATED ALWAYS AS IDENTITY,
    version BIGINT DEFAULT '1' NOT NULL,
    match_key TEXT NOT NULL,
    control_number TEXT,
    control_agency TEXT,
    title TEXT NOT NULL,
    subtitle TEXT,
    author TEXT,
    year INTEGER,
    format TEXT NOT NULL,
    suppressed BOOLEAN DEFAULT false NOT NULL,
    record BYTEA NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (id)
);
CREATE UNIQUE INDEX title_hrid ON title (hrid);
CREATE UNIQUE INDEX title_match_key ON title (match_key);
CREATE TABLE title_change (
    xact BIGINT DEFAULT ((pg_current_xact_id())::text)::bigint NOT NULL,
    seq BIGINT GENERATED ALWAYS AS IDENTITY,
    title_id UUID NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    PRIMARY KEY (xact, seq)
);
CREATE TABLE campus (
    id UUID NOT NULL,
    code TEXT NOT NULL,
    name TEXT NOT NULL,
    institution_id UUID NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY(institution_id) REFERENCES institution (id)
);
CREATE UNIQUE INDEX campus_code ON campus (code);
CREATE INDEX campus_institution ON campus (institution_id);
CREATE TABLE title_version (
    title_id UUID NOT NULL,
    version BIGINT NOT NULL,
    record BYTEA NOT NULL,
    suppressed BOOLEAN DEFAULT false NOT NULL,
    replaced_at TIMESTAMP WITH TIME ZONE NOT NULL,
    replaced_by TEXT NOT NULL,
    PRIMARY KEY (title_id, version),
    FOREIGN KEY(title_id) REFERENCES title (id)
);
CREATE TABLE library (
    id UUID NOT NULL,
    code TEXT NOT NULL,
    name TEXT NOT NULL,
    campus_id UUID NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY(campus_id) REFERENCES campus (id)
);
CREATE INDEX library_campus ON library (campus_id);
CREATE UNIQUE INDEX library_code ON library (code);
CREATE TABLE location (
    id UUID NOT NULL,
    code TEXT NOT NULL,
    name TEXT NOT NULL,
    library_id UUID NOT NULL,
    active BOOLEAN DEFAULT true NOT NULL,
    version BIGINT DEFAULT '1' NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY(library_id) REFERENCES library (id)
);
CREATE UNIQUE INDEX location_code_in_library ON location (library_id, code);
CREATE TABLE holdings (
    id UUID NOT NULL,
    version BIGINT DEFAULT '1' NOT NULL,
    title_id UUID NOT NULL,
    location_id UUID NOT NULL,
    call_number TEXT DEFAULT '' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY(title_id) REFERENCES title (id),
    FOREIGN KEY(location_id) REFERENCES location (id)
);
CREATE INDEX holdings_location ON holdings (location_id);
CREATE UNIQUE INDEX holdings_one_per_shelf ON holdings (title_id, location_id, call_number);
CREATE TABLE import_job (
    id UUID NOT NULL,
    version BIGINT DEFAULT '1' NOT NULL,
    state TEXT DEFAULT 'queued' NOT NULL,
    media_type TEXT NOT NULL,
    profile TEXT,
    create_locations BOOLEAN DEFAULT false NOT NULL,
    default_location_id UUID,
    size BIGINT NOT NULL,
    digest TEXT NOT NULL,
    requested_by TEXT NOT NULL,
    cancelling BOOLEAN DEFAULT false NOT NULL,
    position BIGINT DEFAULT '0' NOT NULL,
    records_read INTEGER DEFAULT '0' NOT NULL,
    created INTEGER DEFAULT '0' NOT NULL,
    updated INTEGER DEFAULT '0' NOT NULL,
    unchanged INTEGER DEFAULT '0' NOT NULL,
    duplicate INTEGER DEFAULT '0' NOT NULL,
    discarded INTEGER DEFAULT '0' NOT NULL,
    rejected INTEGER DEFAULT '0' NOT NULL,
    failed INTEGER DEFAULT '0' NOT NULL,
    items_created INTEGER DEFAULT '0' NOT NULL,
    items_updated INTEGER DEFAULT '0' NOT NULL,
    items_unchanged INTEGER DEFAULT '0' NOT NULL,
    item_problems INTEGER DEFAULT '0' NOT NULL,
    error TEXT,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE,
    finished_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (id),
    CONSTRAINT import_job_counts_add_up CHECK (created + updated + unchanged + duplicate + discarded + rejected + failed = records_read),
    FOREIGN KEY(default_location_id) REFERENCES location (id)
);
CREATE INDEX import_job_open ON import_job (id) WHERE state IN ('queued', 'running');
CREATE TABLE item (
    id UUID NOT NULL,
    version BIGINT DEFAULT '1' NOT NULL,
    barcode TEXT,
    holdings_id UUID NOT NULL,
    title_id UUID NOT NULL,
    bound_with UUID[] DEFAULT '{}' NOT NULL,
    location_id UUID NOT NULL,
    material_type TEXT NOT NULL,
    loan_type TEXT NOT NULL,
    base_state TEXT DEFAULT 'active' NOT NULL,
    call_number TEXT,
    volume TEXT,
    copy_number TEXT,
    note TEXT,
    suppressed BOOLEAN DEFAULT false NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT item_barcode_not_empty CHECK (barcode <> ''),
    FOREIGN KEY(holdings_id) REFERENCES holdings (id)
);
CREATE UNIQUE INDEX item_barcode ON item (barcode) WHERE barcode IS NOT NULL;
CREATE INDEX item_bound_with ON item USING gin (bound_with) WHERE bound_with <> '{}';
CREATE INDEX item_title ON item (title_id);
CREATE TABLE withdrawal (
    id UUID NOT NULL,
    version BIGINT DEFAULT '1' NOT NULL,
    item_id UUID NOT NULL,
    state TEXT NOT NULL,
    reason TEXT NOT NULL,
    refusals JSONB DEFAULT '[]' NOT NULL,
    steps JSONB DEFAULT '[]' NOT NULL,
    requested_by TEXT NOT NULL,
    requested_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (id),
    FOREIGN KEY(item_id) REFERENCES item (id)
);
CREATE INDEX withdrawal_item ON withdrawal (item_id);
CREATE UNIQUE INDEX withdrawal_one_open_per_item ON withdrawal (item_id) WHERE state = 'requested';
INSERT INTO configuration_state DEFAULT VALUES;
INSERT INTO material_type (code, name) VALUES ('unspecified', 'Unspecified');
INSERT INTO loan_type (code, name) VALUES ('standard', 'Standard')
""")
