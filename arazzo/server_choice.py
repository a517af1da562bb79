"""Which base URLs a step can be sent to: by settings, by its operation, or by its description."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from arazzo.servers import absolute, is_absolute, unfilled

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from arazzo.openapi import OpenApiDescription, Operation
    from arazzo.scope import Scope
    from arazzo.servers import Server
    from arazzo.yaml_text import Path


@dataclass(frozen=True, slots=True)
class ServerChoice:
    """The servers of one source, as one step sees them."""

    scope: Scope
    source: str
    description: OpenApiDescription
    path: Path
    step_id: str

    def choices(self) -> dict[str, str]:
        """Return the base URLs that a run can choose from, by name, the default one first.

        Those of the settings, else those of the root of the description: by the names that
        OpenAPI 3.2 gives them, else as `server1`, `server2`.
        """
        named = self.scope.settings.servers.get(self.source)
        if named is not None:
            return dict(named)
        found = [one for one in self._usable(self.description.servers, self._base()) if one[1]]
        return {name or f"server{index}": url for index, (name, url) in enumerate(found, 1)}

    def own(self, operation: Operation) -> str:
        """Return the first base URL of an operation with servers of its own, else nothing.

        Servers of an operation or its path replace those of the root (OpenAPI 3.1.1, 4.8.9 and
        4.8.10); servers of the settings replace all of them.
        """
        if not operation.has_own_servers or self.source in self.scope.settings.servers:
            return ""
        base = self._base() or next(iter(self.choices().values()), "")
        urls = [url for _, url in self._usable(operation.servers, base) if url]
        if not urls and self.choices():
            self._add(
                "server-variable",
                f"no server of the operation's own can be used, and {operation.method} "
                f"{operation.path} is not to be sent to those of its description",
                mend=f"name one in settings.yaml: `servers: {{{self.source}: {{NAME: URL}}}}`",
            )
        return next(iter(urls), "")

    def _base(self) -> str:
        """The place of the description: its `$self` (OpenAPI 3.2), else where its source is."""
        places = (self.description.self_uri, self.scope.urls.get(self.source, ""))
        return next((one for one in places if is_absolute(one)), "")

    def _usable(self, servers: tuple[Server, ...], base: str) -> Iterator[tuple[str, str]]:
        values = self.scope.settings.server_variables.get(self.source, {})
        for one in servers:
            refused = one.refused(values)
            url = one.filled(values)
            if refused:
                self._refuse(one, refused[0], values)
            elif unfilled(url):
                self._miss(one, unfilled(url))
            else:
                yield one.name, absolute(url, base)

    def _refuse(self, one: Server, name: str, values: Mapping[str, str]) -> None:
        enum = one.variables[name].enum if name in one.variables else ()
        wanted = f"one of {', '.join(enum)}" if enum else "letters, digits, `-` and single dots"
        self._add(
            "server-variable",
            f"the settings give the variable `{name}` of the server `{one.url}` the value "
            f"`{values[name]}`, which it may not have",
            mend=f"give {wanted}",
        )

    def _miss(self, one: Server, name: str) -> None:
        self._add(
            "server-variable",
            f"the server `{one.url}` can't be used: nothing gives its variable `{name}` a value",
            mend=f"in settings.yaml: `server_variables: {{{self.source}: {{{name}: VALUE}}}}`",
            severity="warning",
        )

    def _add(self, code: str, message: str, **more: Any) -> None:
        self.scope.add(code, message, self.path, step_id=self.step_id, **more)
