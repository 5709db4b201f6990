"""What acquisitions have received becomes items in process; what goes back is withdrawn."""
