"""openai-python: embeddings, models, and the headers beside a reply."""

import math
from decimal import Decimal

import openai
import pytest

from programs import MASTER_KEY

HELLO = [{"role": "user", "content": "Hello"}]


@pytest.fixture
def client(gateway, simulator):
    with openai.OpenAI(base_url=gateway.v1, api_key=MASTER_KEY, max_retries=0) as client:
        yield client


def test_embeddings_as_the_sdk_asks_for_them(client, simulator):
    reply = client.embeddings.create(model="small-embedding", input=["Hello", "World"])
    assert simulator.body()["encoding_format"] == "base64"
    assert [len(row.embedding) for row in reply.data] == [1536, 1536]
    assert [row.index for row in reply.data] == [0, 1]
    assert math.isclose(math.hypot(*reply.data[0].embedding), 1, rel_tol=1e-5)
    assert reply.data[0].embedding != reply.data[1].embedding
    assert (reply.model, reply.usage.prompt_tokens) == ("small-embedding", 4)


def test_embeddings_as_numbers(client, simulator):
    packed = client.embeddings.create(model="small-embedding", input="Hello", dimensions=8)
    floats = client.embeddings.create(model="small-embedding", input="Hello", dimensions=8, encoding_format="float")
    assert len(floats.data[0].embedding) == 8
    assert floats.data[0].embedding == pytest.approx(packed.data[0].embedding, abs=1e-6)


def test_models(client, simulator):
    listed = [model.id for model in client.models.list()]
    named = ["gpt-4o-gateway", "claude-4-sonnet-gateway", "small-embedding"]
    assert set(named) <= set(listed)
    assert "vercel_ai_gateway/anthropic/claude-opus-5" in listed, "a wildcard is listed as what it stands for"
    assert len(listed) == len(set(listed))
    assert client.models.retrieve("gpt-4o-gateway").object == "model"
    assert client.models.retrieve("vercel_ai_gateway/openai/gpt-4o").id == "vercel_ai_gateway/openai/gpt-4o"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("no-such-model")


def size(response):
    """The bytes of the headers of a reply as they go over the wire."""
    return sum(len(name) + len(value) + 4 for name, value in response.headers.multi_items())


def test_headers_of_a_whole_reply(client, simulator):
    raw = client.chat.completions.with_raw_response.create(model="gpt-4o-gateway", messages=HELLO)
    headers = raw.headers
    assert raw.parse().choices[0].finish_reason == "stop"
    assert len(headers["x-litellm-call-id"]) == 36
    assert headers["x-litellm-model-group"] == "gpt-4o-gateway"
    assert headers["x-litellm-model-id"]
    assert headers["x-litellm-version"]
    assert Decimal(headers["x-litellm-response-cost"]) == simulator.billed() == Decimal("0.0001325")
    assert float(headers["x-litellm-response-duration-ms"]) > 0
    assert 0 <= float(headers["x-litellm-overhead-duration-ms"]) < float(headers["x-litellm-response-duration-ms"])
    assert headers["llm_provider-x-vercel-id"].startswith("iad1::sim-")
    assert size(raw.http_response) < 4096


def test_cost_is_what_was_billed(client, simulator):
    simulator.control("share", {"model": "openai/gpt-4o", "share": "0.37"})
    raw = client.chat.completions.with_raw_response.create(model="gpt-4o-gateway", messages=HELLO)
    assert Decimal(raw.headers["x-litellm-response-cost"]) == simulator.billed() == Decimal("0.000049025")

    raw = client.embeddings.with_raw_response.create(model="small-embedding", input="Hello")
    assert Decimal(raw.headers["x-litellm-response-cost"]) == simulator.billed() > 0


def test_headers_of_a_stream(client, simulator):
    raw = client.chat.completions.with_raw_response.create(model="gpt-4o-gateway", messages=HELLO, stream=True)
    assert raw.headers["content-type"].startswith("text/event-stream")
    assert raw.headers["cache-control"] == "no-cache"
    assert raw.headers["x-accel-buffering"] == "no"
    assert raw.headers["x-litellm-model-group"] == "gpt-4o-gateway"
    assert "x-litellm-response-cost" not in raw.headers, "a stream's cost is known only at its end"
    assert size(raw.http_response) < 4096
    assert len(list(raw.parse())) > 3


def test_a_call_id_of_the_caller_is_kept(client, simulator):
    raw = client.chat.completions.with_raw_response.create(
        model="gpt-4o-gateway", messages=HELLO, extra_headers={"x-litellm-call-id": "my-call-1"}
    )
    assert raw.headers["x-litellm-call-id"] == "my-call-1"


def test_attribution_and_affinity_go_upstream(client, simulator):
    headers = {"x-title": "Client suite", "x-session-affinity": "session-1"}
    client.chat.completions.create(model="gpt-4o-gateway", messages=HELLO, extra_headers=headers)
    sent = dict(simulator.request()["headers"])
    assert (sent["x-title"], sent["x-session-affinity"]) == ("Client suite", "session-1")
    assert sent["http-referer"].startswith("https://")
    assert not [name for name in sent if name.startswith("x-stainless-")]
