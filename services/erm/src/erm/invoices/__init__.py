"""What vendors want for it, and what they were paid."""
