"""Who asked for what, and how it was answered."""
