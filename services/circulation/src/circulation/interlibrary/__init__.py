"""What interlibrary loan asks of the desk: our items for other libraries, and the dates of theirs for our patrons."""
