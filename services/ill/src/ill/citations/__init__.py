"""What is asked for: a book or an article, and the numbers that it is known by."""
