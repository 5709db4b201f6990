"""`python -m chassis.healthy URL`: exit code 0 when it answers 200. For health checks of containers."""

import sys
import urllib.error
import urllib.request


def main(url: str) -> int:
    """Ask once."""
    try:
        with urllib.request.urlopen(url, timeout=4) as answer:  # noqa: S310 - the operator's own address
            return 0 if answer.status == 200 else 1
    except (OSError, urllib.error.URLError) as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
