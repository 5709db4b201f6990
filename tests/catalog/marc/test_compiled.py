"""What is compiled does what its Python does: with every real record, with made ones, and with bytes gone wrong."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.marc import healthy as in_use
from catalog.marc.framing import frames
from catalog.marc.generate import generate
from support import uncompiled
from support.shared_data import shared_data

ROOT = Path(__file__).resolve().parents[3]
COMPILED = str(in_use.__file__).endswith(".so")
PYTHON = uncompiled.beside("catalog.marc.healthy")

only_compiled = pytest.mark.skipif(
    not COMPILED, reason="nothing is compiled here: `make setup` does it where a C compiler is"
)


def compiling() -> ModuleType:
    spec = importlib.util.spec_from_file_location("compiling", ROOT / "services" / "catalog" / "compiling.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def told(record: object) -> object:
    """All of a record, taken apart; None for none."""
    return record and (record.leader, [(f.tag, f.is_control, f.text(), f.subfields) for f in record])  # type: ignore[attr-defined]  # a record of either


def same(body: bytes) -> None:
    assert told(in_use.healthy(body)) == told(PYTHON.healthy(body))


def test_what_is_compiled_was_made_from_what_stands_here() -> None:
    assert compiling().up_to_date(), "the compiled modules are older than their sources: run `make setup`"


def test_the_modules_that_are_compiled_are_those_that_tests_know_of() -> None:
    named = {module.rpartition(".")[0].replace("/", ".") for module in compiling().MODULES}

    assert named == set(uncompiled.MODULES)


@only_compiled
@pytest.mark.parametrize("marc8", [0.0, 1.0])
def test_made_records_are_taken_apart_alike(marc8: float) -> None:
    for made in generate(300, marc8_share=marc8):
        assert in_use.healthy(made.raw) is not None
        same(made.raw)


@only_compiled
def test_real_records_are_taken_apart_alike() -> None:
    count = 0
    for file in sorted(shared_data("marc").rglob("*.m*rc")):
        for frame in frames(file.read_bytes()):
            same(frame.body)
            count += 1
    assert count > 3000


CASES = {
    "Latin": ("a", "Ždiarska, Łódź"),
    "composed on reading": ("a", "Cafe\u0301"),
    "Greek, Han, beyond the first plane": ("a", "Ὅμηρος 紅樓夢 𝄞"),
    "a reference, which UTF-8 has no need of": ("a", "&#x4E00; & so on"),
    "the largest code": ("~", "x"),
}
MARC8 = generate(20, seed=5, marc8_share=1.0)
BODIES = [made.raw for made in MARC8] + [made.raw for made in generate(20, seed=6)]


def body(code: str, value: str, encoding: str = "a") -> bytes:
    """A record of one control field and one data field, with lengths and addresses as they must be."""
    data = b"  \x1f" + code.encode() + value.encode() + b"\x1e"
    directory = b"001000300000" + b"245%04d00003" % len(data)
    base = 24 + len(directory) + 1
    total = base + 3 + len(data) + 1
    leader = b"%05dnam %s22%05d i 4500" % (total, encoding.encode(), base)
    return leader + directory + b"\x1eb1\x1e" + data + b"\x1d"


@pytest.mark.parametrize("name", CASES)
def test_text_of_every_script_is_taken_apart_alike(name: str) -> None:
    assert PYTHON.healthy(body(*CASES[name])) is not None
    same(body(*CASES[name]))


@pytest.mark.parametrize(
    "wrong",
    [
        body("a", "x")[:-1] + b"#",
        body("a", "x", " ").replace(b"x\x1e", "é\x1e".encode()),
        body("a", "&#x4E00;", " "),
        body("\x20", "x"),
        body("a", "x\x1f"),
        body("a", "x\x1by"),
        body("a", "\x7f"),
        body("a", "x").replace(b"b1\x1e", b"\x1f1\x1e"),
        body("a", "x").replace(b"001000300000245", b"245000300000001"),
        body("a", "x").replace(b"24500", b"24\xe9000"[:5]),
        b"",
        b"00000" * 8,
    ],
)
def test_what_wants_a_closer_look_gets_it_either_way(wrong: bytes) -> None:
    if wrong.endswith(b"\x1d"):
        assert PYTHON.healthy(wrong) is None
    same(wrong)


@only_compiled
@settings(max_examples=600)
@given(st.data())
def test_damaged_records_are_taken_apart_alike(data: st.DataObject) -> None:
    damaged = bytearray(data.draw(st.sampled_from(BODIES)))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(damaged) - 1) | st.integers(0, 120))
        byte = data.draw(
            st.sampled_from(b"\x1d\x1e\x1f\x1b 0129aA&#x;\x00\x7f\xe0\xc3\xa9\xff\t") | st.integers(0, 255)
        )
        match data.draw(st.sampled_from(("replace", "insert", "delete"))):
            case "replace":
                damaged[min(at, len(damaged) - 1)] = byte
            case "insert":
                damaged.insert(at, byte)
            case _:
                del damaged[min(at, len(damaged) - 1)]
    same(bytes(damaged))


@only_compiled
@settings(max_examples=300)
@given(st.binary(max_size=200))
def test_any_bytes_at_all_are_taken_apart_alike(noise: bytes) -> None:
    same(noise)
    same(BODIES[0][:24] + noise)


@only_compiled
def test_all_that_is_asked_of_records_holds_in_python_alone() -> None:
    """The tests of what is compiled, once more, without it."""
    asked = [
        "tests/catalog/marc/test_iso2709.py",
        "tests/catalog/marc/test_record.py",
        "tests/catalog/marc/test_storage.py",
        "tests/catalog/marc/test_compiled.py",
        "tests/catalog/fastadd/test_rules.py",
        "tests/catalog/linked/test_graphs.py",
        "tests/catalog/pages/test_rules.py",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *asked],
        cwd=ROOT,
        env=os.environ | {"CARREL_UNCOMPILED": "1"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout[-3000:]
    assert "passed" in done.stdout
