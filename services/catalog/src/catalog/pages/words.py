"""What the pages say, in each of their languages. Names of languages, dates and numbers come from CLDR (Babel)."""

from typing import Final

from chassis.wording import LANGUAGES as LANGUAGES
from chassis.wording import Wording

WORDING: Final = Wording("catalog.pages")
