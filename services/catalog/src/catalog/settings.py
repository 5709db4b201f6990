"""What the catalogue needs to know."""

import tempfile
from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from chassis.settings import ServiceSettings

GIB = 1024**3


class Settings(ServiceSettings):
    """Variables `CATALOG_*`."""

    model_config = SettingsConfigDict(env_prefix="CATALOG_", extra="ignore", frozen=True)

    data_dir: Path = Field(default_factory=lambda: Path(tempfile.gettempdir()) / "carrel-catalog")
    """Folder for uploads and the search index; the roles `serve` and `work` must both reach it."""
    upload_limit: int = Field(default=4 * GIB, ge=1)
    """Bytes of one import."""
    record_limit: int = Field(default=10_000_000, ge=1_000)
    """Bytes of one record."""
    index_memory: int = Field(default=64 * 1024 * 1024, ge=15_000_000)
    """Bytes the index writer gathers before it writes a segment."""
