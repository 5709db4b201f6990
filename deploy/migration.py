"""Begin a migration of one service: the next number, after the newest revision, with its message as name."""

import re
import sys
from pathlib import Path

from chassis.migrations import head

ROOT = Path(__file__).resolve().parent.parent

TEMPLATE = '''"""{message}."""

from chassis.migrations import script

revision = "{revision}"
down_revision = {before}


def upgrade() -> None:
    """Forward only, while the previous release still serves: add, fill in slices, tighten later."""
    script("""
""")
'''


def begin(service: str, message: str) -> Path:
    """Write the file; its name and numbers follow from what is there."""
    migrations = ROOT / "services" / service / "migrations"
    newest = head(migrations)
    revision = f"{int(newest) + 1:04d}" if newest else "0001"
    words = re.sub(r"[^a-z0-9]+", "_", message.lower()).strip("_")
    file = migrations / "versions" / f"{revision}_{words}.py"
    file.parent.mkdir(parents=True, exist_ok=True)
    before = f'"{newest}"' if newest else "None"
    file.write_text(
        TEMPLATE.format(
            message=message.strip().rstrip(".").replace('"', "'"), revision=revision, before=before
        )
    )
    return file


if __name__ == "__main__":
    print(begin(sys.argv[1], sys.argv[2]).relative_to(ROOT))
