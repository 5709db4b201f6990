"""Scripts of pages elsewhere: whose may ask us, and whether they bring a browser's session along."""
