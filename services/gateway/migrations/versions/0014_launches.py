"""Launches from learning management systems (LTI 1.3): platforms, visits, courses and who is in them, our keys."""

from chassis.migrations import script

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Make the tables."""
    script("""
CREATE TABLE lti_platform (
    id uuid PRIMARY KEY,
    issuer text NOT NULL,
    client_id text NOT NULL,
    label text NOT NULL,
    authorization_url text NOT NULL,
    token_url text NOT NULL,
    jwks_url text NOT NULL,
    token_audience text,
    origins text[] NOT NULL,
    deployments jsonb NOT NULL,
    attributes jsonb NOT NULL,
    scopes text[] NOT NULL,
    suspended boolean NOT NULL,
    version integer NOT NULL,
    made_at timestamptz NOT NULL,
    made_by text NOT NULL
);
CREATE UNIQUE INDEX lti_platform_client ON lti_platform (issuer, client_id);
CREATE TABLE lti_invitation (
    id uuid PRIMARY KEY,
    code_hash bytea NOT NULL,
    label text NOT NULL,
    host text NOT NULL,
    library text,
    made_at timestamptz NOT NULL,
    made_by text NOT NULL,
    ends_at timestamptz NOT NULL,
    used_at timestamptz,
    platform_id uuid REFERENCES lti_platform ON DELETE SET NULL
);
CREATE UNIQUE INDEX lti_invitation_code ON lti_invitation (code_hash);
CREATE INDEX lti_invitation_platform ON lti_invitation (platform_id);
CREATE INDEX lti_invitation_ends ON lti_invitation (ends_at);
CREATE TABLE lti_course (
    id uuid PRIMARY KEY,
    platform_id uuid NOT NULL REFERENCES lti_platform ON DELETE CASCADE,
    deployment_id text NOT NULL,
    context_id text NOT NULL,
    label text,
    title text,
    library text,
    memberships_url text,
    launched_at timestamptz NOT NULL,
    roster_due_at timestamptz,
    roster_read_at timestamptz,
    roster_failure text
);
CREATE UNIQUE INDEX lti_course_context ON lti_course (platform_id, deployment_id, context_id);
CREATE INDEX lti_course_due ON lti_course (roster_due_at) WHERE roster_due_at IS NOT NULL;
CREATE INDEX lti_course_launched ON lti_course (launched_at);
CREATE TABLE lti_member (
    course_id uuid NOT NULL REFERENCES lti_course ON DELETE CASCADE,
    member_hash bytea NOT NULL,
    id uuid NOT NULL,
    person_id uuid REFERENCES person ON DELETE SET NULL,
    roles text[] NOT NULL,
    seen_at timestamptz NOT NULL,
    PRIMARY KEY (course_id, member_hash)
);
CREATE UNIQUE INDEX lti_member_id ON lti_member (course_id, id);
CREATE INDEX lti_member_person ON lti_member (person_id) WHERE person_id IS NOT NULL;
CREATE TABLE lti_visit (
    id uuid PRIMARY KEY,
    token_hash bytea NOT NULL,
    platform_id uuid NOT NULL REFERENCES lti_platform ON DELETE CASCADE,
    person_id uuid REFERENCES person ON DELETE CASCADE,
    patron_id uuid,
    sealed bytea NOT NULL,
    began_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX lti_visit_token ON lti_visit (token_hash);
CREATE INDEX lti_visit_platform ON lti_visit (platform_id);
CREATE INDEX lti_visit_person ON lti_visit (person_id) WHERE person_id IS NOT NULL;
CREATE INDEX lti_visit_patron ON lti_visit (patron_id) WHERE patron_id IS NOT NULL;
CREATE INDEX lti_visit_ends ON lti_visit (ends_at);
CREATE TABLE lti_key (
    kid text PRIMARY KEY,
    sealed bytea NOT NULL,
    signs_from timestamptz NOT NULL,
    signs_until timestamptz NOT NULL
);
""")
