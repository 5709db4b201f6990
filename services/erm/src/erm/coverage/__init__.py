"""From when to when a title is there: dates, volumes, moving walls."""
