"""What stands against a check-out or a renewal, and what of it staff may set aside."""
