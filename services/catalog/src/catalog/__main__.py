"""`python -m catalog serve | relay | consume | work | migrate`."""

from catalog.app import SERVICE
from chassis.roles import main

main(SERVICE)
