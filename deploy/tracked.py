"""What is tracked names no package host (any mirror serves) and holds no private key."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HOSTS = ("pypi" + ".org", "pythonhosted" + ".org", "registry.npmjs" + ".org", "npmjs" + ".com")
FORBIDDEN = {
    "a package host": re.compile("|".join(map(re.escape, HOSTS)).encode(), re.IGNORECASE),
    "a private key": re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/]"),
}


def tracked() -> list[Path]:
    """Every file that git knows and that is still there."""
    told = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    return [file for name in told.decode().split("\0") if name and (file := ROOT / name).is_file()]


def main() -> int:
    """Name every file that should not be as it is."""
    found = 0
    for file in tracked():
        content = file.read_bytes()
        for what, pattern in FORBIDDEN.items():
            if match := pattern.search(content):
                line = content.count(b"\n", 0, match.start()) + 1
                print(f"{file.relative_to(ROOT)}:{line}: holds {what}")
                found += 1
    return 1 if found else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except FileNotFoundError:
        sys.exit("What is tracked cannot be checked: git is missing.")
    except subprocess.CalledProcessError as error:
        sys.exit(f"What is tracked cannot be checked: {error.stderr.decode().strip()}")
