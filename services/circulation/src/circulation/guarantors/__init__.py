"""Who answers for whom: a ward, and the guarantor whom their debts stand in the way of."""
