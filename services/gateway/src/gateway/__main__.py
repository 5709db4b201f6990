"""`python -m gateway serve | relay | work | migrate`."""

from chassis.roles import main
from gateway.app import SERVICE

main(SERVICE)
