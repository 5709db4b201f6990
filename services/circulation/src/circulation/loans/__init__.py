"""Check-out, renewal, return."""
