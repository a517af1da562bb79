"""Where secrets lie, as a worker of this environment would find them; their values stay there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from activities.credentials import SecretPlace, SecretStore, variable_of
from activities.signing import KEY_FILE, KEY_NAME
from arazzo.errors import SecretMissing

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from settings import Settings

NO_FOLDER: Final = "$DURAZZO_SECRETS_DIR"
"""How a file is named where the variable for its folder is not set."""


@dataclass(frozen=True)
class Place:
    """One secret: where it is looked for, and where it was found, or why not."""

    name: str
    variable: str
    file: str
    found: SecretPlace | None = None
    problem: str = ""
    generated: bool = False
    """Whether it is the key that a worker makes for itself."""

    @property
    def is_found(self) -> bool:
        """Return whether a worker of this environment has it."""
        return self.found is not None

    @property
    def is_open(self) -> bool:
        """Return whether it is in a file that others than its owner can read."""
        return self.found is not None and self.found.is_open

    @property
    def told(self) -> str:
        """Return where it is, for people."""
        if self.generated:
            there = f"{self.file}, made for this machine alone"
            return there if self.found else f"none yet; a worker makes {self.file}"
        return self.problem or (f"in {self.found}" if self.found else "missing")

    def as_json(self) -> dict[str, Any]:
        """Return it as `--json` prints it."""
        return {
            "found": self.is_found,
            "place": str(self.found) if self.found else None,
            "problem": self.problem or None,
            "variable": self.variable,
            "file": self.file,
            "openToOthers": self.is_open,
        }


class Places:
    """The secrets that were asked for, each looked for once."""

    def __init__(self, settings: Settings) -> None:
        """Look for nothing yet."""
        self._settings = settings
        self._store = SecretStore(settings.secrets_dir)
        self._seen: dict[str, Place] = {}

    @property
    def seen(self) -> tuple[Place, ...]:
        """Return what was asked for."""
        return tuple(self._seen.values())

    def of(self, name: str) -> Place:
        """Return where a secret is."""
        if name not in self._seen:
            self._seen[name] = self._looked_for(name)
        return self._seen[name]

    def found(self, names: Iterable[str]) -> Collection[str]:
        """Return those of the names that a worker of this environment has."""
        return [name for name in names if self.of(name).is_found]

    @property
    def key(self) -> Place:
        """Return where the key is that signs and seals; without one a worker makes a file."""
        given = self._looked_for(KEY_NAME)
        if given.is_found or given.problem:
            return given
        file = self._settings.state_folder / KEY_FILE
        found = SecretPlace(file=file) if file.is_file() else None
        return Place(KEY_NAME, given.variable, str(file), found, generated=True)

    def _looked_for(self, name: str) -> Place:
        folder = self._settings.secrets_dir
        looked = name, variable_of(name), str(folder / name) if folder else f"{NO_FOLDER}/{name}"
        try:
            return Place(*looked, self._store.place(name))
        except SecretMissing as error:
            return Place(*looked, problem=error.message)
