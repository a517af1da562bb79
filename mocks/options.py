"""The command line that the stand-ins share."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Collection, Sequence

from starlette.applications import Starlette

from mocks.jobs import Pace
from mocks.serving import run


def create_parser(
    name: str, profiles: Sequence[str], jobs: Collection[str]
) -> argparse.ArgumentParser:
    """A command line with the options of every stand-in; the first profile is the default.

    Each of `jobs` gets the options --JOB-polls and --JOB-seconds.
    """
    parser = argparse.ArgumentParser(
        prog=f"python -m mocks.{name}", description=f"The stand-in of {name}."
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes any free port")
    parser.add_argument("--profile", default=profiles[0], help=", ".join(profiles))
    for job in jobs:
        parser.add_argument(f"--{job}-polls", type=int, metavar="N", help="polls in each state")
        parser.add_argument(f"--{job}-seconds", type=float, metavar="S", help="start to end")
    return parser


def read_pace(given: argparse.Namespace, job: str) -> Pace:
    """The pace that the options of a job say."""
    return Pace(getattr(given, f"{job}_polls"), getattr(given, f"{job}_seconds"))


def serve(
    name: str,
    parser: argparse.ArgumentParser,
    arguments: Sequence[str] | None,
    create: Callable[[argparse.Namespace], Starlette],
) -> None:
    """Serve the application that `create` makes of the options, until SIGTERM or SIGINT."""
    given = parser.parse_args(arguments)
    try:
        run(create(given), name, given.host, given.port)
    except (ValueError, OSError) as error:
        parser.error(str(error))


def require_profile(profile: str, profiles: Sequence[str]) -> None:
    """Raise ValueError for a profile that there is not."""
    if profile not in profiles:
        raise ValueError(f"no profile {profile!r}; there is: {', '.join(profiles)}")
