"""What a desk did while the line was down: uploaded afterwards, applied in order, conflicts listed."""
