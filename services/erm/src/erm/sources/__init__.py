"""Where title lists come from by themselves: fetched from providers on schedule, or pushed to us in chunks."""
