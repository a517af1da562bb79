"""The requests of one attempt: with the credential, and with the files that they move."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from activities.client import send
from activities.uploads import Upload
from arazzo.bodies import Pieces

if TYPE_CHECKING:
    from activities.answers import Answer
    from activities.authorization import Authorizer
    from activities.downloads import Download, Progress
    from activities.files import BlobStore
    from activities.masking import Masking
    from arazzo.plan import Call
    from arazzo.request import Request

UNAUTHORIZED: Final = 401


@dataclass(frozen=True)
class Exchange:
    """Files in a request are read from `store`; `download` is where the answer's body may go."""

    authorizer: Authorizer
    store: BlobStore
    progress: Progress
    download: Download | None = None

    async def answer(self, request: Request, call: Call, server: str, masking: Masking) -> Answer:
        """Send the request once; once more when its token was refused, so was not taken.

        Who has cancelled gets the refusal.

        Raises what `client.send` does, and StepFailed when a file in the body can't be read.
        """
        authorized = await self.authorizer.authorize(request, call, server, masking)
        answer = await self._send(authorized, call)
        refused = answer.response.status == UNAUTHORIZED and not self.progress.cancelled
        if refused and self.authorizer.may_renew(call, authorized, answer, server):
            self.progress.handed_over = False
            authorized = await self.authorizer.authorize(request, call, server, masking)
            answer = await self._send(authorized, call)
        return answer

    async def _send(self, request: Request, call: Call) -> Answer:
        client, upload = self.authorizer.client_for(call), await self._upload(request)
        self.progress.handed_over |= upload is None or upload.size == 0
        download = self.download
        if download is None or any(name.lower() == "range" for name in request.headers):
            return await send(client, request, call, upload=upload)

        async def sent(headers: dict[str, str]) -> Answer:
            asked = replace(request, headers={**request.headers, **headers})
            return await send(client, asked, call, download, upload)

        return await download.receive(sent)

    async def _upload(self, request: Request) -> Upload | None:
        if not isinstance(request.body, Pieces):
            return None
        upload = Upload(request.body, self.store, self.progress)
        await upload.expect_files()
        return upload
