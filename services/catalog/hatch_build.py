"""A wheel holds what was compiled for it, and says for which Python and machine; without a compiler it is for any."""

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

sys.path.insert(0, str(Path(__file__).parent))

import compiling  # type: ignore[import-not-found, unused-ignore]  # beside this file, on the path since the line above


class Compiled(BuildHookInterface[Any]):
    """Called by hatchling. An editable installation is of the source's folder, which `make setup` compiles in."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and take it along."""
        if version == "editable" or compiling.main():
            return
        if made := [each for each in compiling.extensions() if each.exists()]:
            build_data["infer_tag"], build_data["pure_python"] = True, False
            for each in made:
                build_data["force_include"][str(each)] = str(each.relative_to(compiling.HOME))
