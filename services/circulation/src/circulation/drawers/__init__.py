"""Cash drawers: opened, filled by payments, counted and closed."""
