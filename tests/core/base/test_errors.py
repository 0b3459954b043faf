from __future__ import annotations

import errno

import pytest
import torch

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.errors import Cancelled, DivergedError, UserError, is_memory_error


def test_a_user_error_reads_as_message_and_hint():
    assert str(UserError("It broke.", "Mend it.")) == "It broke. Mend it."
    assert str(UserError("It broke.")) == "It broke."


def test_divergence_can_be_mended_but_cancelling_is_not_a_failure():
    assert issubclass(DivergedError, UserError)
    assert not issubclass(Cancelled, UserError)


def test_a_token_raises_only_once_it_was_cancelled():
    token = CancelToken()
    token.raise_if_cancelled()
    assert not token.is_cancelled
    token.cancel()
    assert token.is_cancelled
    with pytest.raises(Cancelled):
        token.raise_if_cancelled()


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OSError(errno.ENOMEM, "no"),
        ImportError("libtorch_cpu.so: failed to map segment from shared object"),
    ],
)
def test_errors_of_memory_are_recognised(error):
    assert is_memory_error(error)


def test_the_error_of_torch_for_memory_is_recognised():
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60, dtype=torch.uint8)
    assert is_memory_error(caught.value)


@pytest.mark.parametrize(
    "error", [RuntimeError("shapes differ"), OSError(errno.ENOENT, "no"), KeyError()]
)
def test_other_errors_are_not_of_memory(error):
    assert not is_memory_error(error)
