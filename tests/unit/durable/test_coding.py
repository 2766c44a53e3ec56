"""Values of steps as JSON texts."""

from dataclasses import dataclass

from meshsix.durable import coding


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a step gives."""

    text: str


def test_nul_is_replaced_and_nothing_that_only_looks_like_it() -> None:
    for text, stored in (("a\0b", "a\ufffdb"), ("\\\0", "\\\ufffd"), ("\\u0000", "\\u0000"), ("\0\0", "\ufffd\ufffd")):
        assert coding.decode(Said, coding.encode(Said, Said(text=text)) or "") == Said(text=stored)
