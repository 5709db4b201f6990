"""Which copies may be asked for: the guidelines' count, the code that a request carries, what was paid."""
