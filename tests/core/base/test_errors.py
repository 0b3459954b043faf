from __future__ import annotations

import pytest

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.errors import Cancelled, DivergedError, UserError


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
