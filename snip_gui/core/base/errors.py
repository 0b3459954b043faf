"""Errors that a user can fix, as opposed to faults of the program."""

from __future__ import annotations

import errno

# In errors of torch, which has no type for it on the CPU, and of libraries that are being loaded.
_NO_MEMORY = ("can't allocate memory", "cannot allocate memory", "not enough memory",
              "failed to map segment")  # fmt: skip


class UserError(Exception):
    """A problem that the user can fix.

    Parameters
    ----------
    message
        One sentence: what is wrong, and where.
    hint
        One sentence: what to do about it.
    field
        Dotted name of the recipe field at fault, such as ``training.batch_size``; empty if none.
    proposal
        A value that is likely to work for that field; None if there is none to suggest.
    """

    def __init__(
        self, message: str, hint: str = "", *, field: str = "", proposal: float | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.field = field
        self.proposal = proposal

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class DiskFullError(UserError):
    """The disk is full, or the user's quota is exhausted."""


class BusyError(UserError):
    """A run folder is in use by another program."""


class DivergedError(UserError):
    """The training loss is not finite."""


class MethodError(UserError):
    """A pruning method cannot continue a training, whose results so far are kept."""


class EditedError(UserError):
    """The recipe of a run was edited after the run had begun."""


class ImagesLostError(UserError):
    """Images that were readable when a data set was opened no longer are."""


class Cancelled(Exception):  # noqa: N818 - not a failure: the user asked for it
    """The work was stopped because the user asked for it."""


def is_memory_error(error: BaseException) -> bool:
    """Return whether an exception means that the memory of this machine ran out."""
    if isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
        return True
    text = str(error).lower()
    return any(words in text for words in _NO_MEMORY)


def make_memory_error() -> UserError:
    """Return the error to show when the memory of this machine ran out."""
    return UserError(
        "There is not enough free memory for this.",
        "Close other programs, raise the memory limit of this one if there is any, or choose a "
        "smaller network, minibatch or batch.",
    )
