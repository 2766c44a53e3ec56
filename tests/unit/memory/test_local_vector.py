"""The vector that needs no model."""

import math

from hypothesis import given
from hypothesis import strategies as st

from apps.agents.memory import local_vector


def nearness(first: str, second: str) -> float:
    return sum(a * b for a, b in zip(local_vector.of(first), local_vector.of(second), strict=True))


@given(st.text())
def test_every_text_has_a_unit_vector_and_always_the_same(text: str) -> None:
    vector = local_vector.of(text)
    assert len(vector) == local_vector.DIMENSION
    assert math.isclose(sum(number * number for number in vector), 1.0, rel_tol=1e-9)
    assert vector == local_vector.of(text)


def test_texts_that_share_words_or_parts_of_words_lie_nearer() -> None:
    query = "How do we deploy the service?"
    assert nearness(query, "Deploy the service with Argo CD.") > nearness(query, "Birds sing at dawn.")
    assert nearness("deploy", "deployment") > nearness("deploy", "mountain")
    assert nearness("GRÜN", "grün") > 0.999


def test_the_order_of_words_makes_a_difference() -> None:
    assert nearness("argo calls kubernetes", "argo calls kubernetes") > nearness(
        "argo calls kubernetes", "kubernetes calls argo"
    )
