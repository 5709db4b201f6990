"""Works over the titles that are their editions and translations."""
