"""POST /embeddings: vectors of hashed words, so that texts with words in common lie near each other.

https://platform.openai.com/docs/api-reference/embeddings/create
"""

import base64
import hashlib
import math
import re
import struct

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from deploy.sandbox.litellm import accounts
from deploy.sandbox.litellm.inference import asked
from deploy.sandbox.litellm.proxy import ProxyError, caller, of

_MOST_TEXTS = 2048


def vector(text: str, dimension: int) -> list[float]:
    """Return the unit vector of a text; one without words points along the first axis."""
    numbers = [0.0] * dimension
    for word in re.findall(r"\w+", text.lower()):
        digest = hashlib.sha256(word.encode()).digest()
        numbers[int.from_bytes(digest[:4]) % dimension] += 1.0 if digest[4] % 2 else -1.0
    length = math.sqrt(sum(number * number for number in numbers))
    if not length:
        return [1.0] + [0.0] * (dimension - 1)
    return [number / length for number in numbers]


async def embeddings(request: Request) -> Response:
    """Answer in OpenAI's shape, as floats or in base64."""
    body = await asked(request, ("model", "input"))
    proxy, key = of(request), caller(request)
    accounts.refuse_spent(proxy, key)
    given = body["input"]
    texts = [given] if isinstance(given, str) else given
    if not texts or len(texts) > _MOST_TEXTS or not all(isinstance(each, str) and each for each in texts):
        raise ProxyError(400, "'$.input' is invalid.", "invalid_request_error", "input")
    dimension = int(body.get("dimensions") or proxy.dimension)
    used = sum(accounts.tokens(text) for text in texts)
    price = accounts.cost(proxy, body["model"], prompt_tokens=used, completion_tokens=0)
    accounts.charge(proxy, key, price)
    in_base64 = body.get("encoding_format") == "base64"
    data = [
        {"object": "embedding", "index": index, "embedding": _packed(each) if in_base64 else each}
        for index, each in enumerate(vector(text, dimension) for text in texts)
    ]
    usage = {"prompt_tokens": used, "total_tokens": used}
    headers = {} if price is None else {"x-litellm-response-cost": repr(price)}
    return JSONResponse({"object": "list", "data": data, "model": body["model"], "usage": usage}, headers=headers)


def _packed(numbers: list[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()
