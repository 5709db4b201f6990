"""Where a registration went."""

SUCCESSOR = "SELECT patron_id FROM merged_patron WHERE id = $1"
"""$1 an old id; the registration that it leads to, however often that was merged since."""
