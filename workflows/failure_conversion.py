"""How failures enter a history: our own without a stack, which would only name our own files.

A stack tells where code went wrong. Our errors are no such thing: they name the step, the request
and the mend, and in the Web UI a page of file names above that only hides it.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

from temporalio.converter import DataConverter, DefaultFailureConverter
from temporalio.exceptions import ApplicationError

from activities.names import TRANSPORT_FAILURE, UNREADABLE
from arazzo.errors import RUN_ERRORS, SecretMissing

if TYPE_CHECKING:
    from temporalio.api.failure.v1 import Failure
    from temporalio.converter import PayloadConverter


class FailuresWithoutStacks(DefaultFailureConverter):
    """The SDK's own conversion, without the stacks of errors that Durazzo raises on purpose."""

    def to_failure(
        self, exception: BaseException, payload_converter: PayloadConverter, failure: Failure
    ) -> None:
        """Fill the failure from the exception."""
        super().to_failure(exception, payload_converter, failure)
        purposely = isinstance(exception, ApplicationError) and exception.type in ON_PURPOSE
        if purposely:
            failure.stack_trace = ""


class EncryptedFailures(FailuresWithoutStacks):
    """The same, with message and stack in a payload, which is encrypted as all payloads are.

    That a payload can't be read is told in plain: it names no more than the ids of keys, and who
    has the right one must be able to read it.
    """

    def to_failure(
        self, exception: BaseException, payload_converter: PayloadConverter, failure: Failure
    ) -> None:
        """Fill the failure from the exception."""
        super().to_failure(exception, payload_converter, failure)
        if is_unreadable(exception) or is_unreadable(exception.__cause__):
            return
        told = {"message": failure.message, "stack_trace": failure.stack_trace}
        failure.encoded_attributes.CopyFrom(payload_converter.to_payloads([told])[0])
        failure.message, failure.stack_trace = ENCODED, ""


def is_unreadable(error: BaseException | None) -> bool:
    """Return whether an error says that a payload could not be decrypted."""
    return isinstance(error, SecretMissing) and error.reason in UNREADABLE


ENCODED: Final = "Encoded failure"
"""What the SDKs of Temporal write in place of a message that is in the payload."""

ON_PURPOSE: Final = frozenset((*RUN_ERRORS, TRANSPORT_FAILURE))

DATA_CONVERTER: Final = dataclasses.replace(
    DataConverter.default, failure_converter_class=FailuresWithoutStacks
)
"""What every client and worker of ours uses; others can read it with the default one."""
