"""`python -m catalog serve | relay | consume | work | z3950 | migrate`."""

from chassis.roles import main

main("catalog")
