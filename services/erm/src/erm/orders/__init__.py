"""Purchase orders: what is bought of whom, and which funds bear it."""
