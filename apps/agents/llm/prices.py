"""What models cost and can, as LiteLLM lists it; asked at most every ten minutes a key, and never a reason to fail."""

import hashlib
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

from meshsix.integrations.errors import VendorError
from meshsix.integrations.litellm import ModelFacts

if TYPE_CHECKING:  # loaded by those who ask models
    from meshsix.integrations.litellm.models import Models

_KEPT = timedelta(minutes=10)
_KEPT_NOTHING = timedelta(seconds=30)
LONGEST = timedelta(seconds=5)
_known: dict[str, tuple[float, Mapping[str, ModelFacts]]] = {}


def facts(models: "Models", *, key: str, model: str, longest: timedelta = LONGEST) -> ModelFacts | None:
    """Return what LiteLLM says of a model, None where it says nothing now."""
    name = hashlib.sha256(key.encode()).hexdigest()
    until, found = _known.get(name, (0.0, {}))
    if until < time.monotonic():
        found = _asked(models, key, longest)
        kept = _KEPT if found else _KEPT_NOTHING
        if found or longest >= LONGEST:  # who asks in a hurry learns nothing for the others
            _known[name] = (time.monotonic() + kept.total_seconds(), found)
    return found.get(model)


def _asked(models: "Models", key: str, longest: timedelta) -> dict[str, ModelFacts]:
    try:
        return {each.name: each for each in models.facts(key=key, timeout=longest)}
    except VendorError:  # the call that follows tells what is wrong
        return {}
