"""Migration kits: what Koha, FOLIO, Alma and Sierra export, read as it is and handed over as one neutral load."""
