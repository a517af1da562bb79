"""What is said of a practice that the standard does not know and that is tolerated.

Each code is stable; the table of practices with counts is the dialect's (DESIGN.md, section 3).
"""

from __future__ import annotations

from typing import Final

DEVIATIONS: Final[dict[str, tuple[str, str]]] = {}
"""Code to what is said of the text, and the likely mend."""
