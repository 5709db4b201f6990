"""Small edits with a name, which a cataloguer tries on one record and applies to it."""
