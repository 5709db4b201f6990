"""Compile what reading a file of records lives on, where a C compiler is at hand; without one all works as it is.

    .venv/bin/python services/catalog/compiling.py

`make setup` does it, and a wheel is built with it. Each module stays Python; its extension lies beside it and is
taken instead. `compiled.json` there says from which sources it was made, since an extension that is older than its
module would quietly do what the module used to.
"""

import hashlib
import importlib.util
import json
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HOME = Path(__file__).resolve().parent / "src"
MODULES = ("catalog/marc/record.py", "catalog/marc/healthy.pyx", "catalog/marc/extract.py")
"""The first and the last are compiled as they stand; `healthy.py` has a form of its own for it."""
SUFFIX = str(sysconfig.get_config_var("EXT_SUFFIX"))
TOLD = HOME / "catalog" / "compiled.json"
COMPILER = shlex.split(os.environ.get("CC") or str(sysconfig.get_config_var("CC") or "cc"))
INCLUDE = sysconfig.get_paths()["include"]


class Failed(Exception):
    """The compiler did not like it; the message is its own."""


def extensions() -> list[Path]:
    """Where they lie once they are made."""
    return [(HOME / module).with_suffix(SUFFIX) for module in MODULES]


def sources() -> dict[str, str]:
    """What each is made from: a hash of its source, of the shapes that sources share, and of this file."""
    shared = b"".join(path.read_bytes() for path in (Path(__file__), *sorted(HOME.rglob("*.pxd"))))
    return {each: hashlib.sha256(shared + (HOME / each).read_bytes()).hexdigest() for each in MODULES}


def up_to_date() -> bool:
    """Whether what is compiled, if anything is, is what stands here."""
    made = [each for each in extensions() if each.exists()]
    if not made:
        return True
    return len(made) == len(MODULES) and TOLD.exists() and json.loads(TOLD.read_text()) == sources()


def why_not() -> str | None:
    """What is missing for it here."""
    if shutil.which(COMPILER[0]) is None:
        return f"there is no C compiler ({COMPILER[0]})"
    if not (Path(INCLUDE) / "Python.h").is_file():
        return "the headers of this Python are missing (Debian: python3-dev)"
    if importlib.util.find_spec("Cython") is None:
        return "Cython is not installed"
    return None


def remove() -> None:
    """Python alone, from now on."""
    for each in (*extensions(), TOLD):
        each.unlink(missing_ok=True)


def compile_all() -> None:
    """All of them, or `Failed` and none."""
    remove()
    with tempfile.TemporaryDirectory() as scratch, ThreadPoolExecutor(os.cpu_count()) as side_by_side:
        made = list(side_by_side.map(lambda module: _compiled(module, Path(scratch)), MODULES))
        for extension, place in zip(made, extensions(), strict=True):
            shutil.move(extension, place)
    TOLD.write_text(json.dumps(sources()))


def _compiled(module: str, into: Path) -> Path:
    """One extension, in a folder of its own until all of them are made."""
    name = module.rpartition(".")[0].replace("/", ".")
    written, made = into / f"{name}.c", into / f"{name}{SUFFIX}"
    cython = [sys.executable, "-m", "cython", "-3", "--module-name", name, "-X", "annotation_typing=False"]
    _run([*cython, "-w", str(HOME), "-o", str(written), module])
    flags = ["-O2", "-g0", "-fPIC", "-shared", "-fwrapv", *shlex.split(os.environ.get("CFLAGS", ""))]
    _run([*COMPILER, *flags, "-I", INCLUDE, str(written), "-o", str(made)])
    return made


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed((done.stdout + done.stderr).strip())


def main() -> int:
    """Make them unless they are here; say so where that cannot be."""
    if up_to_date() and TOLD.exists():
        return 0
    if missing := why_not():
        remove()
        if "--quietly" not in sys.argv:
            print(
                f"Records are read by Python alone, for {missing}: imports take longer, all else is the same."
            )
        return 0
    try:
        compile_all()
    except Failed as failed:
        remove()
        print(f"Records are read by Python alone, for they could not be compiled: {failed}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
