"""The errors that a user can mend, apart from everything else."""

from __future__ import annotations


class UserError(Exception):
    """Something that the user can mend.

    Parameters
    ----------
    message
        One sentence: what is wrong, and where.
    hint
        One sentence: what to do about it.
    field
        Dotted name of the recipe field concerned, such as ``training.batch_size``; empty if none.
    proposal
        A value of that field that is likely to do; None if there is none to propose.
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
    """There is no room on the disk, or none that this user may take."""


class DivergedError(UserError):
    """The training loss is no longer a number."""


class EditedError(UserError):
    """The recipe of a run was edited after the run had begun."""


class ImagesLostError(UserError):
    """Images that could be read when a data set was opened can no longer be read."""


class Cancelled(Exception):  # noqa: N818 - not a failure: the user asked for it
    """The work was stopped because the user asked for it."""
