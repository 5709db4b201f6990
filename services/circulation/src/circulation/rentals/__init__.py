"""What a loan costs: rental and deposit."""
