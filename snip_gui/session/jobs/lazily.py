"""Jobs given by name, whose heavy imports happen in the worker thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from snip_gui.core.base.registry import load_target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from snip_gui.core.base.cancel import CancelToken
    from snip_gui.core.base.events import Event
    from snip_gui.session.jobs.job import JobFactory


def lazily(target: str, *args: object, **kwargs: object) -> JobFactory:
    """Return a job that imports and calls a function when it runs.

    Type checkers do not see these calls; a test binds each to the signature of its target.

    Parameters
    ----------
    target
        ``module:function``. The function yields events; its parameter ``cancel`` is the job's
        token.
    args, kwargs
        All other arguments of the function.
    """

    def job(cancel: CancelToken) -> Iterator[Event]:
        yield from load_target(target)(*args, cancel=cancel, **kwargs)

    return job
