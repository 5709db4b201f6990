"""A wheel of the catalogue holds what was compiled for it, and then says for which Python and machine it is."""

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

CATALOG = Path(__file__).resolve().parents[2] / "services" / "catalog"


@pytest.fixture
def hook() -> ModuleType:
    spec = importlib.util.spec_from_file_location("hatch_build", CATALOG / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def built(hook: ModuleType, version: str = "standard") -> dict[str, Any]:
    """What the builder is told."""
    told: dict[str, Any] = {"pure_python": True, "infer_tag": False, "force_include": {}}
    hook.Compiled(str(CATALOG), {}, None, None, str(CATALOG), "wheel").initialize(version, told)
    return told


def test_what_is_compiled_comes_along(
    hook: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made = tmp_path / "catalog" / "marc" / "record.so"
    made.parent.mkdir(parents=True)
    made.touch()
    monkeypatch.setattr(hook.compiling, "main", lambda: 0)
    monkeypatch.setattr(hook.compiling, "HOME", tmp_path)
    monkeypatch.setattr(hook.compiling, "extensions", lambda: [made])

    told = built(hook)

    assert told == {
        "pure_python": False,
        "infer_tag": True,
        "force_include": {str(made): "catalog/marc/record.so"},
    }


@pytest.mark.parametrize("ended", [0, 1])
def test_without_a_compiler_or_where_it_fails_the_wheel_is_for_any_machine(
    hook: ModuleType, monkeypatch: pytest.MonkeyPatch, ended: int
) -> None:
    monkeypatch.setattr(hook.compiling, "main", lambda: ended)
    monkeypatch.setattr(hook.compiling, "extensions", lambda: [Path("/not/here.so")])

    assert built(hook) == {"pure_python": True, "infer_tag": False, "force_include": {}}


def test_nothing_is_compiled_for_an_installation_of_the_sources_folder(
    hook: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    def compiles() -> int:
        raise AssertionError("`make setup` does it")

    monkeypatch.setattr(hook.compiling, "main", compiles)

    assert built(hook, "editable")["pure_python"] is True


def test_what_is_missing_is_named_and_nothing_half_compiled_stays(
    hook: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    half = tmp_path / "record.so"
    half.touch()
    monkeypatch.setattr(hook.compiling, "extensions", lambda: [half])
    monkeypatch.setattr(hook.compiling, "TOLD", tmp_path / "compiled.json")
    monkeypatch.setattr(hook.compiling, "COMPILER", ["no-such-compiler"])

    ended = hook.compiling.main()

    assert ended == 0
    assert "there is no C compiler (no-such-compiler)" in capsys.readouterr().out
    assert not half.exists()


def test_a_compiler_that_fails_is_told_with_its_words(
    hook: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    compiler = tmp_path / "cc"
    compiler.write_text("#!/bin/sh\necho out of luck >&2\nexit 1\n")
    compiler.chmod(0o755)
    monkeypatch.setattr(hook.compiling, "MODULES", ("catalog/marc/healthy.pyx",))
    monkeypatch.setattr(hook.compiling, "extensions", list)
    monkeypatch.setattr(hook.compiling, "TOLD", tmp_path / "compiled.json")
    monkeypatch.setattr(hook.compiling, "COMPILER", [str(compiler)])
    monkeypatch.setattr(hook.compiling, "why_not", lambda: None)

    ended = hook.compiling.main()

    assert ended == 1
    assert "out of luck" in capsys.readouterr().err
    assert not (tmp_path / "compiled.json").exists()
