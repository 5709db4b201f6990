"""Which copy is fetched for a hold, and what happens when it is not found."""
