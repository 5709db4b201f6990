"""What items and holdings were: who changed which fact, when, from what to what; and the way back."""
