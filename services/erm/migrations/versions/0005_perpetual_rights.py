"""What stays of a subscription, and titles that go to another publisher."""

from chassis.migrations import script

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the tables."""
    script("""
CREATE TABLE perpetual_right (
    id UUID NOT NULL,
    title_id UUID NOT NULL,
    agreement_id UUID,
    line_id UUID,
    platform_id UUID,
    starts TEXT,
    start_on DATE,
    start_volume TEXT,
    ends TEXT,
    end_on DATE,
    end_volume TEXT,
    status TEXT NOT NULL,
    documents JSONB NOT NULL,
    note TEXT,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version BIGINT DEFAULT '1' NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT perpetual_right_status CHECK (status IN ('claimed', 'confirmed', 'disputed', 'lost')),
    CONSTRAINT perpetual_right_runs_forwards CHECK (end_on >= start_on),
    FOREIGN KEY(title_id) REFERENCES title_instance (id),
    FOREIGN KEY(agreement_id) REFERENCES agreement (id),
    FOREIGN KEY(line_id) REFERENCES agreement_line (id),
    FOREIGN KEY(platform_id) REFERENCES platform (id)
);
CREATE INDEX perpetual_right_by_agreement ON perpetual_right (agreement_id, id);
CREATE INDEX perpetual_right_by_platform ON perpetual_right (platform_id, id);
CREATE INDEX perpetual_right_by_status ON perpetual_right (status, id);
CREATE INDEX perpetual_right_by_title ON perpetual_right (title_id, id);
CREATE TABLE perpetual_right_entry (
    id UUID NOT NULL,
    right_id UUID NOT NULL,
    what TEXT NOT NULL,
    told JSONB NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    actor TEXT NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY(right_id) REFERENCES perpetual_right (id)
);
CREATE INDEX perpetual_right_entry_by_right ON perpetual_right_entry (right_id, id);
CREATE TABLE title_transfer (
    id UUID NOT NULL,
    title_id UUID NOT NULL,
    from_organisation_id UUID,
    to_organisation_id UUID,
    from_platform_id UUID,
    to_platform_id UUID,
    effective_on DATE NOT NULL,
    perpetual_access TEXT NOT NULL,
    source TEXT NOT NULL,
    reference TEXT,
    status TEXT NOT NULL,
    note TEXT,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version BIGINT DEFAULT '1' NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT title_transfer_status CHECK (status IN ('announced', 'moved', 'done', 'withdrawn')),
    CONSTRAINT title_transfer_perpetual_access
        CHECK (perpetual_access IN ('transferring', 'receiving', 'both', 'none', 'unknown')),
    CONSTRAINT title_transfer_goes_elsewhere CHECK (from_platform_id <> to_platform_id),
    FOREIGN KEY(title_id) REFERENCES title_instance (id),
    FOREIGN KEY(from_organisation_id) REFERENCES organisation (id),
    FOREIGN KEY(to_organisation_id) REFERENCES organisation (id),
    FOREIGN KEY(from_platform_id) REFERENCES platform (id),
    FOREIGN KEY(to_platform_id) REFERENCES platform (id)
);
CREATE INDEX title_transfer_by_status ON title_transfer (status, id);
CREATE INDEX title_transfer_by_title ON title_transfer (title_id, id);
CREATE UNIQUE INDEX title_transfer_one_per_alert ON title_transfer (source, reference) WHERE reference IS NOT NULL;
CREATE TABLE title_transfer_task (
    id UUID NOT NULL,
    transfer_id UUID NOT NULL,
    kind TEXT NOT NULL,
    right_id UUID,
    line_id UUID,
    due_on DATE NOT NULL,
    state TEXT NOT NULL,
    note TEXT,
    settled_at TIMESTAMP WITH TIME ZONE,
    settled_by TEXT,
    PRIMARY KEY (id),
    CONSTRAINT title_transfer_task_kind CHECK (kind IN ('new-platform', 'perpetual-right', 'agreement-line')),
    CONSTRAINT title_transfer_task_state CHECK (state IN ('open', 'done', 'dropped')),
    FOREIGN KEY(transfer_id) REFERENCES title_transfer (id),
    FOREIGN KEY(right_id) REFERENCES perpetual_right (id),
    FOREIGN KEY(line_id) REFERENCES agreement_line (id)
);
CREATE INDEX title_transfer_task_by_transfer ON title_transfer_task (transfer_id, id);
CREATE INDEX title_transfer_task_open ON title_transfer_task (due_on, id) WHERE state = 'open';
""")
