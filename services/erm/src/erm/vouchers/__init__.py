"""What is to be paid, as the university's books are told of it: vouchers, in batches."""
