"""Which of our titles a record that comes is about."""
