"""Pull slips: what partners were promised is fetched from the shelves, in batches, by hand or at set times."""
