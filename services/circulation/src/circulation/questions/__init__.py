"""What staff ask of patrons, loans, holds, fees and items together, once or kept to be asked again."""
