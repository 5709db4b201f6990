"""Migration kits: what Koha, FOLIO, Alma and Sierra export, read as it is and handed over as one neutral load."""

SYSTEMS = ("koha", "folio", "alma", "sierra")
"""What there are kits for; said here, so that to know it costs nothing."""
