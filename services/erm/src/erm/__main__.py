"""`python -m ill serve | relay | consume | work | migrate`."""

from chassis.roles import main
from erm.app import SERVICE

main(SERVICE)
