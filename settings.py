"""The process's own settings, from DURAZZO_* variables. Folders of documents have settings too.

Importing this page is cheap; nothing is read before `load_settings()`.
"""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final

import platformdirs
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

CHECKOUT: Final = Path(__file__).resolve().parent
PREFIX: Final = "DURAZZO_"

Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]


class SettingsInvalid(ValueError):
    """A DURAZZO_* variable that can't be read; the message names it and says what is expected."""


class Settings(BaseSettings):
    """Each field is the variable DURAZZO_<FIELD>. Times are seconds, sizes bytes.

    `documents` are folders separated as in PATH; `servers` maps source names to base URLs, as
    JSON or `name=URL,name=URL`; `transient_*` pace answers such as 503, `transport_*` requests
    without an answer; `activity_margin_seconds` is added to the request's time for the activity;
    `worker_wait_seconds` is how long a command waits until a worker takes up a new run;
    `limits_url` is the Redis or Valkey by which workers keep to limits together; `blob_store` is
    the URL of a folder or bucket for what is large; `encrypt` has all that goes to Temporal
    encrypted with the worker's key.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore")

    documents: Annotated[tuple[Path, ...], NoDecode] = (CHECKOUT / "documents",)
    state_folder: Path = Field(default_factory=lambda: platformdirs.user_state_path("durazzo"))
    cache_folder: Path = Field(default_factory=lambda: platformdirs.user_cache_path("durazzo"))
    secrets_dir: Path | None = None
    blob_store: str | None = None
    encrypt: bool = False
    task_queue: Annotated[str, Field(min_length=1)] = "durazzo"
    servers: Annotated[dict[str, str], NoDecode] = {}
    ui_url: str | None = None
    limits_url: SecretStr | None = None

    http_connect_seconds: Positive = 10.0
    http_total_seconds: Positive = 60.0
    http_read_seconds: Positive | None = None
    http_write_seconds: Positive | None = None
    http_pool_seconds: Positive | None = None
    activity_margin_seconds: Positive = 30.0
    graceful_shutdown_seconds: Annotated[float, Field(ge=0)] = 30.0
    worker_wait_seconds: Positive = 10.0
    max_response_bytes: Count = 10 * 1024 * 1024
    max_download_bytes: Count = 50 * 1024**3
    transfer_seconds: Positive = 21600.0
    heartbeat_seconds: Positive = 30.0
    transient_attempts: Count = 6
    transient_first_seconds: Positive = 1.0
    transient_longest_seconds: Positive = 60.0
    transient_within_seconds: Positive | None = None
    transport_attempts: Count = 5
    transport_first_seconds: Positive = 1.0
    transport_longest_seconds: Positive = 30.0
    transport_within_seconds: Positive | None = None
    retry_after_ceiling_seconds: Positive = 3600.0
    visit_budget: Count = 100_000

    @field_validator("documents", mode="before")
    @classmethod
    def _folders(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(Path(part) for part in value.split(os.pathsep) if part)
        return value

    @field_validator("servers", mode="before")
    @classmethod
    def _servers(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        if value.lstrip().startswith("{"):
            return json.loads(value)
        pairs = (part.partition("=") for part in value.split(",") if part.strip())
        return {name.strip(): url.strip() for name, _, url in pairs}

    @field_validator("servers")
    @classmethod
    def _urls(cls, value: dict[str, str]) -> dict[str, str]:
        for name, url in value.items():
            if not url.startswith(("http://", "https://")):
                message = f"the server of `{name}` must be an http or https URL"
                raise ValueError(message)
        return value

    @field_validator("limits_url")
    @classmethod
    def _store(cls, value: SecretStr | None) -> SecretStr | None:
        if value and not value.get_secret_value().startswith(("redis://", "rediss://", "unix://")):
            message = "the shared store of limits must be a redis, rediss or unix URL"
            raise ValueError(message)
        return value


@cache
def load_settings() -> Settings:
    """Return the settings of this process. Raises SettingsInvalid, naming each bad variable."""
    try:
        return Settings()
    except ValidationError as error:
        said = "; ".join(
            f"{PREFIX}{'_'.join(str(part) for part in one['loc']).upper()}: {one['msg']}"
            for one in error.errors(include_url=False, include_input=False)
        )
        raise SettingsInvalid(said) from error
