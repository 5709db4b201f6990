"""Fields whose every character has a meaning: taken apart into words, and put together from them."""
