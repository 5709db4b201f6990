"""What was to come and did not: when it is to be claimed, and what was."""
