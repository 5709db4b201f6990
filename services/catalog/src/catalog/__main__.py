"""`python -m catalog serve | relay | consume | work | migrate`."""

from chassis.roles import main

main("catalog")
