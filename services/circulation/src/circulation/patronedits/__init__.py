"""Many patrons changed at once: previewed, confirmed, told of each, taken back where nobody has touched them since."""
