"""What titles and items were known by in the system that they were brought from."""
