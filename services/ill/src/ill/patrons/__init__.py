"""What circulation tells of patrons, as far as a request depends on it."""
