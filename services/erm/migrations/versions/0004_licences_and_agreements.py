"""Licences with the vocabulary of their terms, agreements with their lines."""

from chassis.migrations import script

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make their tables, and take the terms in that the field speaks of (ERMI, ONIX-PL)."""
    script("""
CREATE EXTENSION IF NOT EXISTS btree_gist;
CREATE TABLE agreement (
    id UUID NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    status TEXT NOT NULL,
    close_reason TEXT,
    description TEXT,
    renewal_priority TEXT,
    review_on DATE,
    documents JSONB NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version BIGINT DEFAULT '1' NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT agreement_status CHECK (status IN ('draft', 'requested', 'in-negotiation', 'active', 'closed')),
    CONSTRAINT agreement_close_reason CHECK (close_reason IN ('cancelled', 'ceased', 'superseded', 'rejected')),
    CONSTRAINT agreement_closed_for_a_reason CHECK ((status = 'closed') = (close_reason IS NOT NULL)),
    CONSTRAINT agreement_renewal_priority CHECK (renewal_priority IN ('definitely-renew', 'for-review', 'definitely-cancel'))
);
CREATE INDEX agreement_by_status ON agreement (status, id);
CREATE TABLE licence_term (
    code TEXT NOT NULL,
    name TEXT NOT NULL,
    category TEXT NOT NULL,
    kind TEXT NOT NULL,
    choices TEXT[] DEFAULT '{}' NOT NULL,
    weight INTEGER DEFAULT '100' NOT NULL,
    shown BOOLEAN DEFAULT false NOT NULL,
    standard TEXT,
    version BIGINT DEFAULT '1' NOT NULL,
    PRIMARY KEY (code),
    CONSTRAINT licence_term_kind CHECK (kind IN ('text', 'integer', 'decimal', 'date', 'money', 'boolean', 'choice', 'multi-choice'))
);
CREATE TABLE agreement_organisation (
    agreement_id UUID NOT NULL,
    organisation_id UUID NOT NULL,
    role TEXT NOT NULL,
    PRIMARY KEY (agreement_id, organisation_id, role),
    FOREIGN KEY(agreement_id) REFERENCES agreement (id),
    FOREIGN KEY(organisation_id) REFERENCES organisation (id)
);
CREATE INDEX agreement_organisation_by_organisation ON agreement_organisation (organisation_id, agreement_id);
CREATE TABLE agreement_period (
    agreement_id UUID NOT NULL,
    position INTEGER NOT NULL,
    starts_on DATE NOT NULL,
    ends_on DATE,
    cancel_by DATE,
    note TEXT,
    PRIMARY KEY (agreement_id, position),
    CONSTRAINT agreement_periods_do_not_overlap EXCLUDE USING gist (agreement_id WITH =, daterange(starts_on, ends_on, '[]') WITH &&),
    CONSTRAINT agreement_period_runs_forwards CHECK (ends_on >= starts_on),
    FOREIGN KEY(agreement_id) REFERENCES agreement (id)
);
CREATE INDEX agreement_period_by_deadline ON agreement_period (cancel_by) WHERE cancel_by IS NOT NULL;
CREATE TABLE agreement_relation (
    agreement_id UUID NOT NULL,
    other_id UUID NOT NULL,
    kind TEXT NOT NULL,
    note TEXT,
    PRIMARY KEY (agreement_id, other_id, kind),
    CONSTRAINT agreement_relation_kind CHECK (kind IN ('supersedes', 'part-of', 'related-to')),
    CONSTRAINT agreement_relation_to_another CHECK (agreement_id <> other_id),
    FOREIGN KEY(agreement_id) REFERENCES agreement (id),
    FOREIGN KEY(other_id) REFERENCES agreement (id)
);
CREATE INDEX agreement_relation_by_other ON agreement_relation (other_id, agreement_id);
CREATE TABLE licence (
    id UUID NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    status TEXT NOT NULL,
    licensor_id UUID,
    starts_on DATE,
    ends_on DATE,
    open_ended BOOLEAN DEFAULT false NOT NULL,
    documents JSONB NOT NULL,
    note TEXT,
    counts JSONB NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version BIGINT DEFAULT '1' NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT licence_status CHECK (status IN ('draft', 'in-negotiation', 'active', 'closed', 'rejected')),
    CONSTRAINT licence_runs_forwards CHECK (ends_on >= starts_on),
    CONSTRAINT licence_open_ended_has_no_end CHECK (NOT open_ended OR ends_on IS NULL),
    FOREIGN KEY(licensor_id) REFERENCES organisation (id)
);
CREATE INDEX licence_by_licensor ON licence (licensor_id, id);
CREATE INDEX licence_by_status ON licence (status, id);
CREATE TABLE agreement_licence (
    agreement_id UUID NOT NULL,
    licence_id UUID NOT NULL,
    standing TEXT NOT NULL,
    note TEXT,
    PRIMARY KEY (agreement_id, licence_id),
    CONSTRAINT agreement_licence_standing CHECK (standing IN ('controlling', 'future', 'historical')),
    FOREIGN KEY(agreement_id) REFERENCES agreement (id),
    FOREIGN KEY(licence_id) REFERENCES licence (id)
);
CREATE INDEX agreement_licence_by_licence ON agreement_licence (licence_id, agreement_id);
CREATE UNIQUE INDEX agreement_one_governing_licence ON agreement_licence (agreement_id) WHERE standing = 'controlling';
CREATE TABLE licence_amendment (
    licence_id UUID NOT NULL,
    number INTEGER NOT NULL,
    name TEXT NOT NULL,
    status TEXT NOT NULL,
    starts_on DATE,
    ends_on DATE,
    documents JSONB NOT NULL,
    note TEXT,
    PRIMARY KEY (licence_id, number),
    CONSTRAINT licence_amendment_number CHECK (number > 0),
    CONSTRAINT licence_amendment_status CHECK (status IN ('draft', 'in-negotiation', 'active', 'closed', 'rejected')),
    CONSTRAINT licence_amendment_runs_forwards CHECK (ends_on >= starts_on),
    FOREIGN KEY(licence_id) REFERENCES licence (id)
);
CREATE TABLE licence_term_value (
    licence_id UUID NOT NULL,
    amendment INTEGER DEFAULT '0' NOT NULL,
    term TEXT NOT NULL,
    value JSONB,
    use_rule TEXT,
    public_note TEXT,
    internal_note TEXT,
    internal BOOLEAN DEFAULT false NOT NULL,
    PRIMARY KEY (licence_id, amendment, term),
    CONSTRAINT licence_term_value_use CHECK (use_rule IN ('permitted', 'prohibited', 'silent', 'interpreted')),
    CONSTRAINT licence_term_value_says_something CHECK (value IS NOT NULL OR use_rule IS NOT NULL),
    FOREIGN KEY(licence_id) REFERENCES licence (id),
    FOREIGN KEY(term) REFERENCES licence_term (code)
);
CREATE INDEX licence_term_value_by_term ON licence_term_value (term);
CREATE TABLE agreement_line (
    id UUID NOT NULL,
    agreement_id UUID NOT NULL,
    resource TEXT NOT NULL,
    package_id UUID,
    item_id UUID,
    platform_title_id UUID,
    authority TEXT,
    reference TEXT,
    description TEXT,
    active_from DATE,
    active_to DATE,
    suppressed BOOLEAN DEFAULT false NOT NULL,
    coverage JSONB NOT NULL,
    note TEXT,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version BIGINT DEFAULT '1' NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT agreement_line_resource CHECK (resource IN ('package', 'package-item', 'platform-title', 'external', 'detached')),
    CONSTRAINT agreement_line_of_one_resource CHECK (
CASE resource WHEN 'package' THEN package_id IS NOT NULL AND item_id IS NULL AND platform_title_id IS NULL
    WHEN 'package-item' THEN item_id IS NOT NULL AND package_id IS NULL AND platform_title_id IS NULL
    WHEN 'platform-title' THEN platform_title_id IS NOT NULL AND package_id IS NULL AND item_id IS NULL
    ELSE package_id IS NULL AND item_id IS NULL AND platform_title_id IS NULL END
AND (resource = 'external') = (authority IS NOT NULL AND reference IS NOT NULL)
AND (resource <> 'detached' OR description IS NOT NULL)
),
    CONSTRAINT agreement_line_runs_forwards CHECK (active_to >= active_from),
    CONSTRAINT agreement_line_covers_a_title CHECK (coverage = '[]' OR resource IN ('package-item', 'platform-title')),
    FOREIGN KEY(agreement_id) REFERENCES agreement (id),
    FOREIGN KEY(package_id) REFERENCES package (id),
    FOREIGN KEY(item_id) REFERENCES package_item (id),
    FOREIGN KEY(platform_title_id) REFERENCES platform_title (id)
);
CREATE INDEX agreement_line_by_agreement ON agreement_line (agreement_id, id);
CREATE INDEX agreement_line_by_item ON agreement_line (item_id) WHERE item_id IS NOT NULL;
CREATE INDEX agreement_line_by_package ON agreement_line (package_id) WHERE package_id IS NOT NULL;
CREATE INDEX agreement_line_by_platform_title ON agreement_line (platform_title_id) WHERE platform_title_id IS NOT NULL;
CREATE TABLE agreement_line_order (
    line_id UUID NOT NULL,
    order_line_id UUID NOT NULL,
    PRIMARY KEY (line_id, order_line_id),
    FOREIGN KEY(line_id) REFERENCES agreement_line (id),
    FOREIGN KEY(order_line_id) REFERENCES order_line (id)
);
CREATE INDEX agreement_line_order_by_order_line ON agreement_line_order (order_line_id, line_id);
CREATE TABLE entitlement_entry (
    id UUID NOT NULL,
    agreement_id UUID NOT NULL,
    line_id UUID NOT NULL,
    what TEXT NOT NULL,
    line JSONB NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    actor TEXT NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY(agreement_id) REFERENCES agreement (id),
    FOREIGN KEY(line_id) REFERENCES agreement_line (id)
);
CREATE INDEX entitlement_entry_by_agreement ON entitlement_entry (agreement_id, id);
CREATE INDEX entitlement_entry_by_line ON entitlement_entry (line_id, id);
INSERT INTO licence_term (code, name, category, kind, choices, weight, shown, standard) VALUES
    ('authorised-users', 'Authorised users', 'users', 'text', '{}', 10, true, 'onixPL:AuthorizedUser'),
    ('walk-in-users', 'Walk-in users', 'users', 'text', '{}', 20, true, 'onixPL:WalkInUser'),
    ('remote-access', 'Remote access', 'users', 'text', '{}', 30, true, 'ermi:remoteAccess'),
    ('concurrent-users', 'Concurrent users', 'users', 'integer', '{}', 40, true, 'ermi:concurrentUsers'),
    ('ill-print', 'Interlibrary loan: printed from it and sent on paper or as a scan', 'interlibrary-loan', 'text', '{}', 50, false, 'ermi:interlibraryLoanPrintOrFax'),
    ('ill-secure-electronic', 'Interlibrary loan: as a file by a secure transmission', 'interlibrary-loan', 'text', '{}', 60, false, 'ermi:interlibraryLoanSecureElectronicTransmission'),
    ('ill-electronic', 'Interlibrary loan: as a file by any way', 'interlibrary-loan', 'text', '{}', 70, false, 'ermi:interlibraryLoanElectronic'),
    ('scholarly-sharing', 'Scholarly sharing', 'use', 'text', '{}', 80, true, 'ermi:scholarlySharing'),
    ('course-packs', 'Course packs', 'use', 'text', '{}', 90, true, 'ermi:coursePackElectronic'),
    ('course-reserves', 'Electronic course reserves', 'use', 'text', '{}', 100, true, 'ermi:courseReserveElectronic'),
    ('text-and-data-mining', 'Text and data mining', 'use', 'text', '{}', 110, true, 'onixPL:TextAndDataMining'),
    ('ai-training', 'Training of artificial intelligence', 'use', 'text', '{}', 120, true, NULL),
    ('ai-search', 'Artificial intelligence that searches and sums up', 'use', 'text', '{}', 130, true, NULL),
    ('perpetual-access', 'Perpetual access', 'preservation', 'text', '{}', 140, false, 'ermi:perpetualAccessRight'),
    ('archiving-copy', 'Archiving copy', 'preservation', 'text', '{}', 150, false, 'ermi:archivingRight'),
    ('governing-law', 'Governing law', 'contract', 'text', '{}', 160, false, 'ermi:governingLaw'),
    ('auto-renewal', 'Renews by itself', 'contract', 'boolean', '{}', 170, false, NULL),
    ('notice-period-days', 'Days of notice', 'contract', 'integer', '{}', 180, false, 'ermi:terminationNoticePeriod'),
    ('price-cap-percent', 'Price cap in percent', 'contract', 'decimal', '{}', 190, false, NULL),
    ('confidentiality', 'Confidentiality', 'contract', 'text', '{}', 200, false, 'ermi:confidentialityOfAgreement'),
    ('accessibility', 'Accessibility', 'contract', 'text', '{}', 210, false, NULL),
    ('usage-statistics', 'Usage statistics', 'contract', 'choice', '{"none","counter-r5","counter-r5.1","other"}', 220, false, NULL),
    ('open-access', 'Open access', 'open-access', 'multi-choice', '{"read-and-publish","apc-discount","subscribe-to-open","deposit"}', 230, true, NULL)
""")
