"""The knowledge base: platforms, titles, packages, coverage, and the loads of title lists."""

from chassis.migrations import script

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make its tables."""
    script("""
CREATE TABLE platform (
    id UUID NOT NULL,
    code TEXT NOT NULL,
    name TEXT NOT NULL,
    provider_id UUID,
    domains TEXT[] DEFAULT '{}' NOT NULL,
    link_templates TEXT[] DEFAULT '{}' NOT NULL,
    proxied BOOLEAN DEFAULT true NOT NULL,
    proxy_prefix TEXT,
    state TEXT NOT NULL,
    note TEXT,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version BIGINT DEFAULT '1' NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT platform_state CHECK (state IN ('active', 'retired')),
    FOREIGN KEY(provider_id) REFERENCES organisation (id)
);
CREATE UNIQUE INDEX platform_one_per_code ON platform (code);
CREATE TABLE platform_domain (
    domain TEXT NOT NULL,
    platform_id UUID NOT NULL,
    PRIMARY KEY (domain),
    FOREIGN KEY(platform_id) REFERENCES platform (id)
);
CREATE INDEX platform_domain_by_platform ON platform_domain (platform_id);
CREATE TABLE title_instance (
    id UUID NOT NULL,
    work_id UUID NOT NULL,
    name TEXT NOT NULL,
    sort_name TEXT COLLATE "C" NOT NULL,
    kind TEXT NOT NULL,
    medium TEXT NOT NULL,
    publisher TEXT,
    first_author TEXT,
    first_editor TEXT,
    edition TEXT,
    volume TEXT,
    published_print TEXT,
    published_online TEXT,
    preceded_by UUID,
    merged_into UUID,
    split_from UUID,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version BIGINT DEFAULT '1' NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT title_instance_kind CHECK (kind IN ('serial', 'monograph')),
    CONSTRAINT title_instance_medium CHECK (medium IN ('electronic', 'print')),
    CONSTRAINT title_instance_not_merged_into_itself CHECK (merged_into <> id),
    CONSTRAINT title_instance_not_its_own_predecessor CHECK (preceded_by <> id),
    FOREIGN KEY(preceded_by) REFERENCES title_instance (id),
    FOREIGN KEY(merged_into) REFERENCES title_instance (id),
    FOREIGN KEY(split_from) REFERENCES title_instance (id)
);
CREATE INDEX title_instance_after ON title_instance (preceded_by) WHERE preceded_by IS NOT NULL;
CREATE INDEX title_instance_by_name ON title_instance (sort_name, id);
CREATE INDEX title_instance_by_work ON title_instance (work_id);
CREATE INDEX title_instance_merged ON title_instance (merged_into) WHERE merged_into IS NOT NULL;
CREATE TABLE title_identifier (
    id UUID NOT NULL,
    title_id UUID NOT NULL,
    namespace TEXT NOT NULL,
    value TEXT NOT NULL,
    medium TEXT NOT NULL,
    approved BOOLEAN DEFAULT false NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY(title_id) REFERENCES title_instance (id)
);
CREATE INDEX title_identifier_by_title ON title_identifier (title_id);
CREATE INDEX title_identifier_by_value ON title_identifier (namespace, value);
CREATE UNIQUE INDEX title_identifier_one_title ON title_identifier (namespace, value, medium) WHERE NOT approved;
CREATE TABLE package (
    id UUID NOT NULL,
    source TEXT NOT NULL,
    reference TEXT NOT NULL,
    name TEXT NOT NULL,
    provider_id UUID,
    platform_id UUID NOT NULL,
    scope TEXT NOT NULL,
    region TEXT NOT NULL,
    content_types TEXT[] DEFAULT '{}' NOT NULL,
    state TEXT NOT NULL,
    sync BOOLEAN DEFAULT true NOT NULL,
    removal_percent INTEGER DEFAULT '10' NOT NULL,
    note TEXT,
    loaded_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version BIGINT DEFAULT '1' NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT package_state CHECK (state IN ('current', 'retired')),
    CONSTRAINT package_scope CHECK (scope IN ('global', 'consortium', 'local')),
    CONSTRAINT package_removal_percent CHECK (removal_percent BETWEEN 0 AND 100),
    FOREIGN KEY(provider_id) REFERENCES organisation (id),
    FOREIGN KEY(platform_id) REFERENCES platform (id)
);
CREATE INDEX package_by_platform ON package (platform_id, id);
CREATE INDEX package_by_provider ON package (provider_id, id);
CREATE UNIQUE INDEX package_one_per_reference ON package (source, reference);
CREATE TABLE platform_title (
    id UUID NOT NULL,
    title_id UUID NOT NULL,
    platform_id UUID NOT NULL,
    url TEXT,
    PRIMARY KEY (id),
    FOREIGN KEY(title_id) REFERENCES title_instance (id),
    FOREIGN KEY(platform_id) REFERENCES platform (id)
);
CREATE INDEX platform_title_by_platform ON platform_title (platform_id, id);
CREATE UNIQUE INDEX platform_title_once ON platform_title (title_id, platform_id);
CREATE TABLE package_item (
    id UUID NOT NULL,
    package_id UUID NOT NULL,
    platform_title_id UUID NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    listed JSONB NOT NULL,
    digest BYTEA,
    sort_name TEXT COLLATE "C" NOT NULL,
    url TEXT,
    access_start_on DATE,
    access_end_on DATE,
    removed_at TIMESTAMP WITH TIME ZONE,
    removed_load_id UUID,
    origin TEXT NOT NULL,
    load_id UUID,
    line INTEGER,
    note TEXT,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version BIGINT DEFAULT '1' NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT package_item_origin CHECK (origin IN ('list', 'hand')),
    CONSTRAINT package_item_access_ends_after_it_starts CHECK (access_end_on >= access_start_on OR removed_at IS NOT NULL),
    FOREIGN KEY(package_id) REFERENCES package (id),
    FOREIGN KEY(platform_title_id) REFERENCES platform_title (id)
);
CREATE INDEX package_item_after ON package_item (package_id, (listed ->> 'preceding_publication_title_id')) WHERE (listed ->> 'preceding_publication_title_id') IS NOT NULL;
CREATE INDEX package_item_by_name ON package_item (package_id, sort_name, id);
CREATE INDEX package_item_by_title ON package_item (platform_title_id);
CREATE UNIQUE INDEX package_item_once ON package_item (package_id, platform_title_id);
CREATE UNIQUE INDEX package_item_one_per_key ON package_item (package_id, key);
CREATE INDEX package_item_removed_by ON package_item (removed_load_id, id) WHERE removed_load_id IS NOT NULL;
CREATE TABLE coverage_statement (
    id UUID NOT NULL,
    item_id UUID NOT NULL,
    ordinal INTEGER NOT NULL,
    starts TEXT,
    start_on DATE,
    start_volume TEXT,
    start_issue TEXT,
    ends TEXT,
    end_on DATE,
    end_volume TEXT,
    end_issue TEXT,
    depth TEXT NOT NULL,
    embargo TEXT,
    access_type TEXT NOT NULL,
    note TEXT,
    url TEXT,
    listed JSONB,
    line INTEGER,
    PRIMARY KEY (id),
    CONSTRAINT coverage_statement_ends_after_it_starts CHECK (end_on >= start_on),
    CONSTRAINT coverage_statement_access_type CHECK (access_type IN ('P', 'F')),
    FOREIGN KEY(item_id) REFERENCES package_item (id)
);
CREATE UNIQUE INDEX coverage_statement_of_item ON coverage_statement (item_id, ordinal);
CREATE TABLE title_review (
    id UUID NOT NULL,
    kind TEXT NOT NULL,
    title_id UUID NOT NULL,
    other_id UUID NOT NULL,
    package_id UUID NOT NULL,
    load_id UUID NOT NULL,
    line INTEGER NOT NULL,
    state TEXT NOT NULL,
    note TEXT,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    settled_at TIMESTAMP WITH TIME ZONE,
    settled_by TEXT,
    version BIGINT DEFAULT '1' NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT title_review_kind CHECK (kind IN ('identifiers-disagree', 'identifier-shared')),
    CONSTRAINT title_review_state CHECK (state IN ('open', 'settled')),
    FOREIGN KEY(title_id) REFERENCES title_instance (id),
    FOREIGN KEY(other_id) REFERENCES title_instance (id),
    FOREIGN KEY(package_id) REFERENCES package (id)
);
CREATE INDEX title_review_by_other ON title_review (other_id);
CREATE UNIQUE INDEX title_review_once ON title_review (kind, title_id, other_id);
CREATE INDEX title_review_open ON title_review (id) WHERE state = 'open';
CREATE TABLE kbart_load (
    id UUID NOT NULL,
    package_id UUID NOT NULL,
    state TEXT NOT NULL,
    dry_run BOOLEAN DEFAULT false NOT NULL,
    confirmed BOOLEAN DEFAULT false NOT NULL,
    cancelling BOOLEAN DEFAULT false NOT NULL,
    file_name TEXT,
    encoding TEXT,
    columns TEXT[] DEFAULT '{}' NOT NULL,
    size BIGINT DEFAULT '0' NOT NULL,
    digest TEXT,
    lines INTEGER DEFAULT '0' NOT NULL,
    part INTEGER DEFAULT '0' NOT NULL,
    rows_read INTEGER DEFAULT '0' NOT NULL,
    applied_to TEXT COLLATE "C",
    added INTEGER DEFAULT '0' NOT NULL,
    changed INTEGER DEFAULT '0' NOT NULL,
    unchanged INTEGER DEFAULT '0' NOT NULL,
    duplicate INTEGER DEFAULT '0' NOT NULL,
    rejected INTEGER DEFAULT '0' NOT NULL,
    warned INTEGER DEFAULT '0' NOT NULL,
    items_added INTEGER DEFAULT '0' NOT NULL,
    items_changed INTEGER DEFAULT '0' NOT NULL,
    items_unchanged INTEGER DEFAULT '0' NOT NULL,
    items_removed INTEGER DEFAULT '0' NOT NULL,
    titles_added INTEGER DEFAULT '0' NOT NULL,
    questions INTEGER DEFAULT '0' NOT NULL,
    findings JSONB NOT NULL,
    rows_kept BOOLEAN DEFAULT true NOT NULL,
    requested_by TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE,
    finished_at TIMESTAMP WITH TIME ZONE,
    version BIGINT DEFAULT '1' NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT kbart_load_counts_add_up CHECK (added + changed + unchanged + duplicate + rejected <= rows_read),
    FOREIGN KEY(package_id) REFERENCES package (id)
);
CREATE INDEX kbart_load_by_package ON kbart_load (package_id, id);
CREATE INDEX kbart_load_coming_in ON kbart_load (created_at) WHERE state = 'receiving';
CREATE UNIQUE INDEX kbart_load_one_at_a_time ON kbart_load (package_id) WHERE state IN ('queued', 'reading', 'applying', 'waiting') AND NOT dry_run;
CREATE INDEX kbart_load_to_forget ON kbart_load (finished_at) WHERE rows_kept;
CREATE INDEX kbart_load_to_do ON kbart_load (id) WHERE state IN ('queued', 'reading', 'applying');
CREATE TABLE kbart_part (
    load_id UUID NOT NULL,
    ordinal INTEGER NOT NULL,
    first_line INTEGER NOT NULL,
    content BYTEA NOT NULL,
    PRIMARY KEY (load_id, ordinal),
    FOREIGN KEY(load_id) REFERENCES kbart_load (id) ON DELETE CASCADE
);
CREATE TABLE kbart_row (
    load_id UUID NOT NULL,
    line INTEGER NOT NULL,
    key TEXT COLLATE "C",
    name TEXT,
    cells TEXT[],
    outcome TEXT,
    item_id UUID,
    reasons JSONB,
    PRIMARY KEY (load_id, line),
    FOREIGN KEY(load_id) REFERENCES kbart_load (id) ON DELETE CASCADE
);
CREATE INDEX kbart_row_by_key ON kbart_row (load_id, key, line) WHERE key IS NOT NULL;
CREATE INDEX kbart_row_by_outcome ON kbart_row (load_id, outcome, line);
""")
