"""What calls cost and who pays: prices, the spend of keys and teams, and the refusal of a spent budget.

https://docs.litellm.ai/docs/proxy/users and litellm/proxy/auth/auth_checks.py.
"""

import math
from collections.abc import Mapping
from typing import Any

from deploy.sandbox.litellm.proxy import Proxy, ProxyError

USUAL_PRICES: Mapping[str, float | None] = {"input": 0.000003, "output": 0.000015}


def prices_of(proxy: Proxy, model: str) -> Mapping[str, float | None]:
    """Return USD a token by `input` and `output`; None where the proxy knows no price."""
    return {**USUAL_PRICES, **proxy.prices.get(model, {})}


def cost(proxy: Proxy, model: str, *, prompt_tokens: int, completion_tokens: int) -> float | None:
    """Return what so many tokens cost, None where there is no price."""
    prices = prices_of(proxy, model)
    if prices["input"] is None or prices["output"] is None:
        return None
    return prices["input"] * prompt_tokens + prices["output"] * completion_tokens


def refuse_spent(proxy: Proxy, key: dict[str, Any] | None) -> None:
    """Raise ProxyError where the key or its team has spent its budget."""
    if key is None:
        return
    team = proxy.records.get("team", key["team_id"] or "")
    for who, facts in (("", key), (f"Team={(team or {}).get('team_id')} ", team)):
        most = facts and facts.get("max_budget")
        if facts and most is not None and facts["spend"] >= most:
            words = f"Budget has been exceeded! {who}Current cost: {facts['spend']}, Max budget: {most}"
            raise ProxyError(400, words, "budget_exceeded")


def charge(proxy: Proxy, key: dict[str, Any] | None, amount: float | None) -> None:
    """Add to the spend of the key and its team."""
    if key is None or amount is None:
        return
    with proxy.records.together():
        _add(proxy, "key", key["token"], amount)
        if key["team_id"]:
            _add(proxy, "team", key["team_id"], amount)


def _add(proxy: Proxy, kind: str, name: str, amount: float) -> None:
    kept = proxy.records.get(kind, name)
    if kept is not None:
        proxy.records.put(kind, name, {**kept, "spend": kept["spend"] + amount})


def tokens(text: str) -> int:
    """Return about how many tokens a text has."""
    return math.ceil(len(text) / 4)
