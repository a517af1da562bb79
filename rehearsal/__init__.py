"""Runs without Temporal: the same interpreter and the same activities, in this process."""

from rehearsal.attempt import Exchange, Rehearsal, the_entry, try_document, try_entry

__all__ = ["Exchange", "Rehearsal", "the_entry", "try_document", "try_entry"]
