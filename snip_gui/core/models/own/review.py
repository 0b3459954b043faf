"""Source code prepared for review, with nothing invisible or out of sight."""

from __future__ import annotations

import io
import re
import tokenize
import unicodedata

_FAR = re.compile(r"[ \t]{40,}(?=\S)")
_EMPTY_LINES = re.compile(r"\n(?:[ \t]*\n){20,}")

# Letters and marks without a glyph: fillers, joiners, the braille blank, variation selectors.
_UNSEEN = re.compile(
    "[\u115f\u1160\u3164\uffa0\u2800\u034f\u17b4\u17b5\ufe00-\ufe0f\U000e0100-\U000e01ef]"
)
_UNSEEN_CATEGORIES = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def reveal(text: str) -> str:
    """Return source code with markers in place of anything that could not be seen.

    Invisible and bidirectional characters are replaced by their code points, and long runs of
    blanks or empty lines by their length, so no code can hide to the right or far below.
    """
    lines = ["".join(map(_mark, line)) for line in _lines(text)]
    lines = [_FAR.sub(_count_blanks, line) for line in lines]
    return _EMPTY_LINES.sub(_count_lines, "\n".join(lines))


def find_warnings(text: str) -> tuple[str, ...]:
    """Return a sentence for each way in which source code may mislead its reader."""
    lines = _lines(text)
    unseen = [n for n, line in enumerate(lines, 1) if any(map(_is_unseen, line))]
    far = [n for n, line in enumerate(lines, 1) if _FAR.search(line)]
    found = [
        ("invisible or direction-changing characters", unseen),
        ("text far to the right", far),
        ("names with letters outside ASCII, which may look like others", _foreign_names(text)),
    ]
    return tuple(f"Contains {what}: {_places(numbers)}." for what, numbers in found if numbers)


def _lines(text: str) -> list[str]:
    """Return the lines as Python counts them: a lone carriage return ends a line too."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _is_unseen(character: str) -> bool:
    if character in " \t" or (character.isascii() and character.isprintable()):
        return False
    category = unicodedata.category(character)
    return (
        category in _UNSEEN_CATEGORIES or category == "Zs" or _UNSEEN.match(character) is not None
    )


def _mark(character: str) -> str:
    return f"⟦U+{ord(character):04X}⟧" if _is_unseen(character) else character


def _count_blanks(found: re.Match[str]) -> str:
    return f" ⟦{len(found[0]):,} blanks⟧ "


def _count_lines(found: re.Match[str]) -> str:
    return f"\n⟦{found[0].count(chr(10)) - 1:,} empty lines⟧\n"


def _foreign_names(text: str) -> list[int]:
    """Return the lines with non-ASCII names, as far as the text can be tokenised."""
    lines: list[int] = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.NAME and not token.string.isascii():
                lines.append(token.start[0])  # noqa: PERF401 - keeps those before an error
    except (tokenize.TokenError, SyntaxError):
        pass  # `candidates` reports that it is not Python
    return sorted(set(lines))


def _places(numbers: list[int]) -> str:
    shown = ", ".join(f"{number:,}" for number in numbers[:5])
    return f"line{'s' if len(numbers) > 1 else ''} {shown}" + (", …" if len(numbers) > 5 else "")
