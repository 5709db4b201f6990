"""`python -m gateway serve | relay | work | migrate`."""

from chassis.roles import main

main("gateway")
