"""What is brought from another system as it stood there: patrons' old ids, open loans, holds, fees."""
