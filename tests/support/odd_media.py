"""Bodies of media types that schemathesis has no words for; it reads this file as its hooks."""

import schemathesis
from hypothesis import strategies as st

anything = st.binary(max_size=200)

schemathesis.openapi.media_type("application/pdf", anything | anything.map(b"%PDF-1.7\n".__add__))
