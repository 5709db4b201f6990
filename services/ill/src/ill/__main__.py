"""`python -m ill serve | relay | consume | work | migrate`."""

from chassis.roles import main
from ill.app import SERVICE

main(SERVICE)
