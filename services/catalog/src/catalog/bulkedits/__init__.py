"""Many titles, holdings or items are changed at once: looked at before, confirmed, and taken back."""
