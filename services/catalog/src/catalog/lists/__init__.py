"""Lists of titles, holdings or items that somebody keeps: what a question found, or what was told one by one."""
