"""`python -m circulation serve | relay | consume | work | migrate`."""

from chassis.roles import main

main("circulation")
