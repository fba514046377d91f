"""The LiteLLM SDK, pointed at Trunkline as at a LiteLLM proxy and as at an OpenAI-compatible server."""

import asyncio
import json
from decimal import Decimal

import openai
import pytest

from programs import MASTER_KEY

litellm = pytest.importorskip("litellm", reason="this environment holds the OpenAI SDK alone")

litellm.suppress_debug_info = True

HELLO = [{"role": "user", "content": "Hello"}]
REPLY = "You said “Hello”. Voilà, 漢字 🙂."
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


@pytest.fixture
def target(gateway, simulator):
    """Where the SDK is to go, and with what."""
    return {"api_base": gateway.url, "api_key": MASTER_KEY, "num_retries": 0}


@pytest.mark.parametrize("model", ["litellm_proxy/gpt-4o-gateway", "openai/gpt-4o-gateway"])
@pytest.mark.parametrize("path", ["", "/v1"])
def test_whole(target, simulator, model, path):
    base = target | {"api_base": target["api_base"] + path}
    reply = litellm.completion(model=model, messages=HELLO, **base)
    assert reply.choices[0].message.content == REPLY
    assert reply.usage.total_tokens == 20
    assert simulator.body()["model"] == "openai/gpt-4o"


def test_cost_is_read_from_the_header(target, simulator):
    simulator.control("share", {"model": "openai/gpt-4o", "share": "0.37"})
    reply = litellm.completion(model="litellm_proxy/gpt-4o-gateway", messages=HELLO, **target)
    hidden = reply._hidden_params
    assert hidden["additional_headers"]["llm_provider-x-litellm-response-cost"] == "0.000049025"
    assert Decimal(str(hidden["response_cost"])) == simulator.billed() == Decimal("0.000049025")


@pytest.mark.parametrize("model", ["litellm_proxy/gpt-4o-gateway", "openai/gpt-4o-gateway"])
def test_streamed(target, simulator, model):
    chunks = list(litellm.completion(model=model, messages=HELLO, stream=True, **target))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == REPLY
    assert chunks[-1].choices[0].finish_reason == "stop"
    rebuilt = litellm.stream_chunk_builder(chunks, messages=HELLO)
    assert rebuilt.choices[0].message.content == REPLY


def test_streamed_with_usage(target, simulator):
    options = {"stream": True, "stream_options": {"include_usage": True}}
    chunks = list(litellm.completion(model="litellm_proxy/gpt-4o-gateway", messages=HELLO, **options, **target))
    assert chunks[-1].usage.total_tokens == 20


def test_async(target, simulator):
    async def ask():
        reply = await litellm.acompletion(model="litellm_proxy/gpt-4o-gateway", messages=HELLO, **target)
        return reply.choices[0].message.content

    assert asyncio.run(ask()) == REPLY


def test_reasoning_content(target, simulator):
    model = "litellm_proxy/vercel_ai_gateway/deepseek/deepseek-v3.2"
    options = {"model": model, "messages": HELLO, "reasoning_effort": "low"} | target
    thought = "Thinking about “Hello”: naïve, 考え中 🙂."
    assert litellm.completion(**options).choices[0].message.reasoning_content == thought
    deltas = [chunk.choices[0].delta for chunk in litellm.completion(stream=True, **options)]
    assert "".join(getattr(delta, "reasoning_content", None) or "" for delta in deltas) == thought


def test_tools_two_turns(target, simulator):
    model = "litellm_proxy/gpt-4o-gateway"
    messages = [{"role": "user", "content": "Call get_weather for Oslo"}]
    first = litellm.completion(model=model, messages=messages, tools=[WEATHER], **target)
    [call] = first.choices[0].message.tool_calls
    assert (call.function.name, json.loads(call.function.arguments)) == ("get_weather", {"city": "city é 漢字"})
    messages += [first.choices[0].message, {"role": "tool", "tool_call_id": call.id, "content": "3°"}]
    second = litellm.completion(model=model, messages=messages, tools=[WEATHER], **target)
    assert second.choices[0].message.content == "The tool said “3°”. Voilà, 漢字 🙂."


@pytest.mark.parametrize("model", ["litellm_proxy/small-embedding", "openai/small-embedding"])
def test_embeddings(target, simulator, model):
    reply = litellm.embedding(model=model, input=["Hello", "World"], **target)
    assert [len(row["embedding"]) for row in reply.data] == [1536, 1536]
    assert reply.usage.prompt_tokens == 4


def test_failures_are_litellm_s_own_exceptions(target, simulator):
    def failure(model, **options):
        with pytest.raises(Exception) as caught:
            litellm.completion(model=f"litellm_proxy/{model}", messages=HELLO, **(target | options))
        return type(caught.value)

    assert failure("no-such-group") is litellm.BadRequestError
    assert failure("gpt-4o-gateway", api_key="sk-wrong") is litellm.AuthenticationError
    assert failure("vercel_ai_gateway/no/such-model") is litellm.NotFoundError
    assert failure("vercel_ai_gateway/sim/fault-rate-limited-1") is litellm.RateLimitError
    assert failure("vercel_ai_gateway/sim/fault-unavailable") is litellm.ServiceUnavailableError
    assert failure("vercel_ai_gateway/sim/fault-html-bad-gateway") is litellm.BadGatewayError


def test_a_cut_stream_is_an_error(target, simulator):
    simulator.fault({"cut": {"after_bytes": 700, "how": "close"}})
    text = ""
    with pytest.raises(openai.APIError):
        for chunk in litellm.completion(model="litellm_proxy/gpt-4o-gateway", messages=HELLO, stream=True, **target):
            text += chunk.choices[0].delta.content or ""
    assert text
    assert REPLY.startswith(text)
    assert text != REPLY
