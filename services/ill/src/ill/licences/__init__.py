"""What our licences say of supplying other libraries, kept as acquisitions tell it."""
