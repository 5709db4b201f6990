"""`python -m ill serve | relay | consume | work | migrate`."""

from chassis.roles import main

main("erm")
