"""What a good record is, as data: MARC 21's own rules, and the practice of a library over them."""
