"""The sandbox's answers are what the openai package takes for answers, and our requests are what it describes."""

from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest
from openai.types import CreateEmbeddingResponse
from openai.types.chat import ChatCompletion
from openai.types.model import Model

from meshsix.integrations.litellm.models import Models
from tests.models_sandbox import ModelsSandbox, models_sandbox

CALCULATE = {
    "type": "function",
    "function": {"name": "calculate", "parameters": {"type": "object", "properties": {"expression": {}}}},
}


@pytest.fixture(scope="module")
def litellm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelsSandbox]:
    with models_sandbox(tmp_path_factory.mktemp("litellm")) as server:
        yield server


@pytest.fixture
def http(litellm: ModelsSandbox) -> Iterator[httpx.Client]:
    litellm.reset()
    headers = {"Authorization": f"Bearer {litellm.key()}"}
    with httpx.Client(base_url=litellm.url, headers=headers, timeout=60) as client:
        yield client


def completion(http: httpx.Client, question: str, **facts: object) -> ChatCompletion:
    body = {"model": "claude-haiku", "messages": [{"role": "user", "content": question}], **facts}
    answer = http.post("/v1/chat/completions", json=body).raise_for_status().json()
    found = ChatCompletion.model_validate(answer, strict=True)
    assert set(answer) <= set(ChatCompletion.model_fields)
    assert found.usage is not None
    assert found.usage.total_tokens == found.usage.prompt_tokens + found.usage.completion_tokens
    return found


def test_words_wishes_and_cut_answers_are_completions(http: httpx.Client, litellm: ModelsSandbox) -> None:
    assert completion(http, "Hello").choices[0].message.content == "All good."
    wish = completion(http, "What is 2+2?", tools=[CALCULATE]).choices[0]
    assert wish.finish_reason == "tool_calls"
    assert wish.message.tool_calls
    litellm.says({"answer": {"content": "a long answer that is cut"}})
    assert completion(http, "Hello", max_tokens=2).choices[0].finish_reason == "length"


def test_vectors_are_embeddings_in_both_encodings(http: httpx.Client) -> None:
    body = {"model": "text-embedding", "input": ["one", "two"]}
    plain = http.post("/v1/embeddings", json=body).raise_for_status().json()
    found = CreateEmbeddingResponse.model_validate(plain)
    assert [each.index for each in found.data] == [0, 1]
    packed = http.post("/v1/embeddings", json={**body, "encoding_format": "base64"}).raise_for_status().json()
    assert isinstance(packed["data"][0]["embedding"], str)


def test_models_are_models(http: httpx.Client) -> None:
    for each in http.get("/v1/models").raise_for_status().json()["data"]:
        Model.model_validate(each, strict=True)


def test_the_openai_package_reads_the_same_vectors_from_base64(litellm: ModelsSandbox, http: httpx.Client) -> None:
    """Its own default encoding, which our client does not use, gives what our client gives."""
    plain = http.post("/v1/embeddings", json={"model": "text-embedding", "input": "one two"}).json()
    client = Models(url=litellm.url)
    ours = client.embed(["one two"], model="text-embedding", key=litellm.key(), timeout=timedelta(seconds=30))
    client.close()
    assert list(ours.vectors[0]) == plain["data"][0]["embedding"]
