"""The configuration through time: versions, drafts, what comes into force when, and what it would have changed."""
