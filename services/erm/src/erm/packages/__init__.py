"""What providers sell together: packages and the titles in them."""
