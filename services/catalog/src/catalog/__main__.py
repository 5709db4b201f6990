"""`python -m catalog serve | relay | consume | work | migrate`."""

from chassis.roles import main
from catalog.app import SERVICE

main(SERVICE)
