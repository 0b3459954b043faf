"""What a reviewer sees of source code that hides something."""

from __future__ import annotations

import pytest

from snip_gui.core.models.own.review import find_warnings, reveal

PLAIN = "import torch\n\n\nclass Net(torch.nn.Module):\n\tpass  # ä, 8 × 8 → “good”\n"


def test_plain_code_is_shown_as_it_is():
    assert reveal(PLAIN) == PLAIN
    assert find_warnings(PLAIN) == ()


@pytest.mark.parametrize(
    "character",
    [
        "\u202e",
        "\u2066",
        "\u200b",
        "\u00a0",
        "\u2028",
        "\x0c",
        "\x1b",
        "\x08",
        "\u3164",
        "\ufe0f",
        "\u00ad",
        "\ue000",
    ],
)
def test_what_is_not_seen_is_marked(character):
    text = f"a = 1\nb = 2  # {character} x\n"
    assert f"⟦U+{ord(character):04X}⟧" in reveal(text)
    assert character not in reveal(text)
    assert "line 2" in find_warnings(text)[0]


def test_code_far_to_the_right_comes_into_sight():
    text = "a = 1" + " " * 3000 + "; import os\n"
    assert reveal(text) == "a = 1 ⟦3,000 blanks⟧ ; import os\n"
    assert find_warnings(text) == ("Contains text far to the right: line 1.",)
    assert reveal("a = 1" + " " * 3000 + "\n") == "a = 1" + " " * 3000 + "\n"


def test_code_far_below_comes_into_sight():
    assert (
        reveal("a = 1" + "\n" * 3000 + "import os\n") == "a = 1\n⟦2,999 empty lines⟧\nimport os\n"
    )


def test_a_lone_carriage_return_ends_a_line_as_for_python():
    assert reveal("# comment\rimport os\n") == "# comment\nimport os\n"


def test_names_that_look_like_others_are_named():
    assert "line 1" in find_warnings("\u0430 = 1\n")[0]  # a Cyrillic letter
    assert find_warnings("a = 'ä'  # ö\n") == ()
