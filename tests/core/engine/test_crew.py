from __future__ import annotations

import pytest

from snip_gui.core.base.errors import UserError
from snip_gui.core.engine.crew import Crew, parse_crew


@pytest.mark.parametrize(
    ("text", "crew"),
    [
        ("serial", Crew()),
        ("processes:3", Crew("processes", 3)),
        ("dask:tcp://127.0.0.1:8786", Crew("dask", address="tcp://127.0.0.1:8786")),
    ],
)
def test_an_executor_has_a_name(text, crew):
    assert parse_crew(text) == crew
    assert str(crew) == text


@pytest.mark.parametrize(
    "text",
    [
        "", "threads", "Serial", "processes:", "processes:0", "processes:-1", "processes:1000000",
        "processes:\N{ARABIC-INDIC DIGIT THREE}", "dask:",
    ],
)  # fmt: skip
def test_another_name_is_refused_with_the_choices(text):
    with pytest.raises(UserError, match="is not an executor") as caught:
        parse_crew(text)
    assert "processes:N" in caught.value.hint


def test_there_is_always_a_process():
    assert parse_crew("processes").number >= 1


def test_a_single_item_needs_no_process_of_its_own():
    assert Crew("processes", 8).at_most(3) == Crew("processes", 3)
    assert Crew("processes", 8).at_most(1) == Crew()
    assert Crew("dask", address="x").at_most(1) == Crew("dask", address="x")
