"""An event loop whose time passes at once: when nothing is left to do, it is the next timer's."""

from __future__ import annotations

import asyncio
import selectors
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


class _Selector(selectors.DefaultSelector):
    """Never waits; the time that it should have waited has passed."""

    passed = 0.0

    def select(self, timeout: float | None = None) -> Any:
        found = super().select(0)
        if not found and timeout:
            self.passed += timeout
        return found


class _Loop(asyncio.SelectorEventLoop):
    """An event loop that reads the selector's time."""

    def __init__(self, selector: _Selector) -> None:
        super().__init__(selector)
        self.selector = selector

    def time(self) -> float:
        return 1000.0 + self.selector.passed


def in_virtual_time(work: Callable[[], Awaitable[Any]]) -> Any:
    """Run a coroutine function to its end, in which sleeping takes no time of ours."""
    with asyncio.Runner(loop_factory=lambda: _Loop(_Selector())) as runner:

        async def main() -> Any:
            return await work()

        return runner.run(main())


def now() -> float:
    """Return the time of the running loop, in seconds."""
    return asyncio.get_running_loop().time()
