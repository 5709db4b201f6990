"""`python -m circulation serve | relay | consume | work | migrate`."""

from chassis.roles import main
from circulation.app import SERVICE

main(SERVICE)
