"""Long lists of ids by job: every title that answers a query, however many, as a file to be fetched."""
