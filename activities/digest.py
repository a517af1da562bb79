"""HTTP Digest (RFC 7616): the service challenges once, and its answer serves the next requests.

httpx computes the answers; what it keeps of a challenge is kept here, by server and secret.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import httpx

if TYPE_CHECKING:
    from activities.answers import Answer
    from arazzo.request import Request

MOST_KEPT: Final = 100
CHALLENGE: Final = "www-authenticate"


@dataclass
class Digests:
    """The challenges of a worker."""

    _known: dict[tuple[str, str], httpx.DigestAuth] = field(default_factory=dict)
    _answers: dict[tuple[str, str, str, str], str] = field(default_factory=dict)
    """The answers to challenges that are not sent yet: a count of requests must have no gap."""

    def header(self, pair: str, server: str, request: Request) -> str:
        """Return the Authorization header; no text before the first challenge."""
        made = self._answers.pop((pair, server, request.method, request.url), None)
        if made is not None:
            return made
        flow = self._of(pair, server).sync_auth_flow(_bare(request))
        return str(next(flow).headers.get("authorization", ""))

    def challenge(self, pair: str, server: str, request: Request, answer: Answer) -> bool:
        """Learn the challenge of a 401; return whether there is one that can be answered."""
        headers = {CHALLENGE: answer.response.headers.get(CHALLENGE, "")}
        bare = _bare(request)
        flow = self._of(pair, server).sync_auth_flow(bare)
        next(flow)
        try:
            made = flow.send(httpx.Response(answer.response.status, headers=headers, request=bare))
        except (StopIteration, httpx.ProtocolError, NotImplementedError, ValueError, KeyError):
            return False
        header = str(made.headers["authorization"])
        self._answers[pair, server, request.method, request.url] = header
        return True

    def _of(self, pair: str, server: str) -> httpx.DigestAuth:
        user, _, password = pair.partition(":")
        if len(self._known) >= MOST_KEPT:
            self._known.clear()
        return self._known.setdefault((pair, server), httpx.DigestAuth(user, password))


def _bare(request: Request) -> httpx.Request:
    return httpx.Request(request.method, request.url)
