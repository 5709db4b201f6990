"""Prepare `.venv` for a fresh clone: any Python from 3.11 on, standard library only, as any user.

Runs before every `make` target that needs the environment and is done in a moment when nothing has changed.
Packages come from wherever pip on this machine is configured to get them (environment or pip.conf); the lock
carries their hashes, so any mirror serves. What installs them is whatever is here: uv, pip, ensurepip, and
where there is none of these (Debian without python3-venv) a pip wheel fetched by the standard library.
"""

import configparser
import fcntl
import hashlib
import html.parser
import os
import shutil
import ssl
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
import venv
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOCK = ROOT / "requirements.lock"
MEMBERS = ("shared/contracts", "shared/chassis", "services/*", "deploy/onebox")
STAMP = VENV / "carrel-ready"
COMPILING = ROOT / "services" / "catalog" / "compiling.py"
LOG = VENV / "setup.log"
PIP_WHEEL = "pip-26.0-py3-none-any.whl"
PIP_SHA256 = "98436feffb9e31bc9339cf369fd55d3331b1580b6a6f1173bacacddcf9c34754"


class Missing(Exception):
    """Something that set-up cannot do without; the message is the one line to show."""


def members() -> list[Path]:
    """The folders of our own distributions."""
    return [file.parent for pattern in MEMBERS for file in sorted(ROOT.glob(f"{pattern}/pyproject.toml"))]


def wanted() -> str:
    """What the environment is made from; a moved clone counts as changed, for scripts carry its path."""
    told = hashlib.sha256(f"{ROOT}\n{LOCK.read_text()}".encode())
    for member in members():
        told.update((member / "pyproject.toml").read_bytes())
    return told.hexdigest()


def ready() -> bool:
    """Whether there is nothing to do."""
    return os.access(PYTHON, os.X_OK) and STAMP.is_file() and STAMP.read_text() == wanted()


def prepare() -> None:
    """Make the environment, or bring it up to date."""
    with Path(__file__).open() as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)  # two makes at once: the second finds it done
        if ready():
            return
        print("Preparing .venv (a minute the first time) ...", flush=True)
        if not works([str(PYTHON), "-c", "import sys; sys.exit(sys.version_info < (3, 11))"]):
            make_venv()
        STAMP.unlink(missing_ok=True)
        LOG.write_text("")
        install = installer()
        run([*install, "--require-hashes", "-r", str(LOCK)])
        editable = [part for member in members() for part in ("-e", str(member))]
        run([*install, "--no-index", "--no-deps", "--no-build-isolation", *editable])
        STAMP.write_text(wanted())


def compiled(*words: str) -> None:
    """Have compiled what can be: again when its source has changed, not at all for want of a compiler."""
    with Path(__file__).open() as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        subprocess.run([str(PYTHON), str(COMPILING), *words], cwd=ROOT, check=False)


def make_venv() -> None:
    """An environment without installer: making one with pip needs ensurepip, which Debian keeps apart."""
    try:
        shutil.rmtree(VENV, ignore_errors=True)
        venv.EnvBuilder(with_pip=False, symlinks=True).create(VENV)
    except (OSError, ValueError, subprocess.CalledProcessError) as error:
        # ValueError: a colon in the path, or a file where the folder should be
        raise Missing(f"{VENV} cannot be made: {str(error).rstrip('.')}.") from error


def installer() -> list[str]:
    """The command that installs into `.venv`, up to and including `install`."""
    if (uv := shutil.which(os.environ.get("UV", "uv"))) and works([uv, "--version"]):
        os.environ |= uv_settings()
        return [uv, "pip", "install", "--quiet", "--python", str(PYTHON)]
    quiet = ["install", "--quiet", "--disable-pip-version-check", "--no-input"]
    inside = [str(PYTHON), "-m", "pip"]
    if works([*inside, "--version"]) or works([str(PYTHON), "-m", "ensurepip", "--default-pip"]):
        return [*inside, *quiet]
    outside = [sys.executable, "-m", "pip", "--python", str(PYTHON)]
    if works([*outside, "--version"]):
        return [*outside, *quiet]
    return [str(PYTHON), str(fetch_pip() / "pip"), *quiet]


def works(command: list[str]) -> bool:
    """Whether a command is there and succeeds."""
    try:
        return subprocess.run(command, capture_output=True, cwd=ROOT, check=False).returncode == 0
    except OSError:
        return False


def run(command: list[str]) -> None:
    """Run an installer; what it says goes to the log, its last word into the one line."""
    with LOG.open("a+") as log:
        done = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, cwd=ROOT, check=False)
        if done.returncode:
            log.seek(0)
            lines = [line.strip() for line in log if line.strip()]
            errors = [line for line in lines if "error" in line.lower()] or lines[-1:] or ["it said nothing"]
            raise Missing(
                f"packages could not be installed ({errors[-1][:300]}). Is the package index within reach? "
                f"All of it: {LOG}"
            )


def pip_settings() -> dict[str, str]:
    """pip's own configuration, as far as it says where packages come from; the environment comes last."""
    told: dict[str, str] = {}
    home = Path.home()
    files = [
        Path(base) / "pip" / "pip.conf" for base in os.environ.get("XDG_CONFIG_DIRS", "/etc/xdg").split(":")
    ]
    files += [Path("/etc/pip.conf"), home / ".pip" / "pip.conf"]
    files += [Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config") / "pip" / "pip.conf"]
    if chosen := os.environ.get("PIP_CONFIG_FILE"):
        files.append(Path(chosen))
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read([file for file in files if file.is_file() and os.access(file, os.R_OK)])
    except (configparser.Error, UnicodeDecodeError) as error:
        raise Missing(f"pip's configuration cannot be read: {error}") from error
    for section in ("global", "install"):
        if parser.has_section(section):
            told |= {name.replace("_", "-"): value for name, value in parser.items(section)}
    for name, value in os.environ.items():
        if name.startswith("PIP_"):
            told[name[4:].lower().replace("_", "-")] = value
    return told


def uv_settings() -> dict[str, str]:
    """The same places, told to uv, which does not read pip's configuration; its own settings stand."""
    pip = pip_settings()
    told = {
        "UV_DEFAULT_INDEX": pip.get("index-url", ""),
        "UV_INDEX": " ".join(pip.get("extra-index-url", "").split()),
        "UV_FIND_LINKS": ",".join(pip.get("find-links", "").split()),
        "SSL_CERT_FILE": pip.get("cert", ""),
        # As pip does: any index may have it. Hashes say what may be installed, so none can slip in another.
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "VIRTUAL_ENV": str(VENV),
    }
    if "UV_INDEX_URL" in os.environ:
        del told["UV_DEFAULT_INDEX"]
    return {name: value for name, value in told.items() if value and name not in os.environ}


class Links(html.parser.HTMLParser):
    """The files that a page of a package index names."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep a link."""
        self.found += [value for name, value in attrs if tag == "a" and name == "href" and value]


def indexes() -> Iterator[str]:
    """Where a wheel may come from, best first."""
    pip = pip_settings()
    # Python's own index, when nothing is configured. Put together, since no file here names a package host.
    default = "https://" + "pypi" + ".org" + "/simple"
    yield (
        os.environ.get("UV_DEFAULT_INDEX")
        or os.environ.get("UV_INDEX_URL")
        or pip.get("index-url")
        or default
    )
    yield from pip.get("extra-index-url", "").split()


def read(url: str, context: ssl.SSLContext) -> bytes:
    """What lies at an address of the index; one on disk (file:) is as good as any."""
    with urllib.request.urlopen(url, timeout=60, context=context) as answer:  # noqa: S310
        content: bytes = answer.read()
    return content


def fetch_pip() -> Path:
    """The pinned pip, checked against its hash, in a place of our own; a wheel runs without being installed."""
    place = VENV / PIP_WHEEL
    certificates = pip_settings().get("cert") or os.environ.get("SSL_CERT_FILE")
    context = ssl.create_default_context(cafile=certificates)
    last: Exception | None = None
    for index in indexes():
        page = index.rstrip("/") + "/pip/"
        try:
            links = Links()
            links.feed(read(page, context).decode())
            for link in links.found:
                if urllib.parse.urlsplit(link).path.endswith("/" + PIP_WHEEL):
                    content = read(urllib.parse.urljoin(page, link), context)
                    if hashlib.sha256(content).hexdigest() != PIP_SHA256:
                        raise Missing(f"{PIP_WHEEL} from {index} is not the file it should be.")
                    place.write_bytes(content)
                    return place
        except (OSError, ValueError) as error:
            last = error
    raise Missing(f"no pip here (python3-venv, ensurepip or uv would do) and none to be fetched: {last}.")


if __name__ == "__main__":
    try:
        if not ready():
            prepare()
            compiled()
        else:
            compiled("--quietly")
    except Missing as missing:
        sys.exit(f"Carrel cannot be set up: {missing}")
    except OSError as error:
        sys.exit(f"Carrel cannot be set up: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
