"""Who a campus says somebody is: their key, their group, their roles, their registration."""
