"""The campus tells who may borrow: files of patrons, taken up in the background."""
