"""anthropic-sdk-python: Messages, at the Vercel AI Gateway and at an upstream that is Anthropic's own kind."""

import asyncio
from decimal import Decimal

import pytest

from programs import MASTER_KEY, UPSTREAM_KEY
from wire import Wire, header, received

anthropic = pytest.importorskip("anthropic", reason="this environment holds the OpenAI SDK alone")

HELLO = [{"role": "user", "content": "Hello"}]
REPLY = "You said “Hello”. Voilà, 漢字 🙂."
# By the name of a group: what the upstream calls the model, how its ids begin, and where its messages are.
UPSTREAM_MODELS = {"claude-vercel": "anthropic/claude-4-sonnet", "claude-direct": "claude-4-sonnet"}
IDS = {"claude-vercel": "gen_", "claude-direct": "msg_"}
PATHS = {"claude-vercel": "/v1/messages", "claude-direct": "/anthropic/v1/messages"}
WEATHER = {
    "name": "get_weather",
    "description": "The weather in a city.",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
ASK_WEATHER = {"role": "user", "content": "Call get_weather for Oslo"}
THINKING = {"type": "enabled", "budget_tokens": 1024}


@pytest.fixture(params=["claude-vercel", "claude-direct"])
def model(request):
    return request.param


@pytest.fixture
def wire():
    return Wire()


@pytest.fixture
def client(dialects, simulator, wire):
    http_client = anthropic.DefaultHttpxClient(event_hooks=wire.hooks())
    with anthropic.Anthropic(
        base_url=dialects.url, api_key=MASTER_KEY, max_retries=0, http_client=http_client
    ) as client:
        yield client


def upstream_body(sent, model):
    """The bytes that must reach the upstream: those sent, with its own name of the model."""
    named = f'"model":"{model}"'.encode()
    assert sent.count(named) == 1
    return sent.replace(named, f'"model":"{UPSTREAM_MODELS[model]}"'.encode())


def test_whole(client, simulator, wire, model):
    options = {"system": "Be brief.", "stop_sequences": ["§"]}
    reply = client.messages.create(model=model, max_tokens=64, messages=HELLO, **options)
    assert (reply.type, reply.role, reply.model, reply.stop_reason) == ("message", "assistant", model, "end_turn")
    assert [(block.type, block.text) for block in reply.content] == [("text", REPLY)]
    assert (reply.usage.input_tokens, reply.usage.output_tokens) == (16, 11)
    assert received(simulator) == upstream_body(wire.sent[-1], model)
    assert simulator.request()["path"] == PATHS[model]


def test_async(dialects, simulator, model):
    async def ask():
        async with anthropic.AsyncAnthropic(base_url=dialects.url, api_key=MASTER_KEY, max_retries=0) as client:
            whole = await client.messages.create(model=model, max_tokens=64, messages=HELLO)
            async with client.messages.stream(model=model, max_tokens=64, messages=HELLO) as stream:
                pieces = [piece async for piece in stream.text_stream]
            return whole.content[0].text, "".join(pieces)

    assert asyncio.run(ask()) == (REPLY, REPLY)


def test_streamed(client, simulator, model):
    events = list(client.messages.create(model=model, max_tokens=64, messages=HELLO, stream=True))
    assert [event.type for event in events[:2]] == ["message_start", "content_block_start"]
    assert [event.type for event in events[-3:]] == ["content_block_stop", "message_delta", "message_stop"]
    assert {event.type for event in events[2:-3]} == {"content_block_delta"}
    assert "".join(event.delta.text for event in events[2:-3]) == REPLY
    assert events[0].message.model == model
    assert events[-2].delta.stop_reason == "end_turn"
    assert events[-2].usage.output_tokens == 11
    assert simulator.ended()["outcome"] == "complete"


def test_streamed_with_the_accumulating_reader(client, simulator, model):
    with client.messages.stream(model=model, max_tokens=64, messages=HELLO) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_message()
    assert (kinds.count("message_stop"), kinds.count("content_block_stop")) == (1, 1)
    assert kinds.count("text") > 1
    assert (final.content[0].text, final.stop_reason, final.model) == (REPLY, "end_turn", model)
    assert (final.usage.input_tokens, final.usage.output_tokens) == (9, 11)
    assert final.id.startswith(IDS[model])


def test_stream_split_at_every_byte(client, simulator, model):
    simulator.control("pacing", {"split": {"every": 1}})
    with client.messages.stream(model=model, max_tokens=64, messages=HELLO) as stream:
        assert stream.get_final_text() == REPLY


def test_leaving_a_stream_cancels_upstream(client, simulator, model):
    simulator.fault({"stall": {"after_events": 4}}, path=PATHS[model])
    with client.messages.stream(model=model, max_tokens=64, messages=HELLO) as stream:
        next(stream.text_stream)
    assert simulator.ended()["outcome"] == "caller_left"


def test_tools_two_turns(client, simulator, wire, model):
    messages = [ASK_WEATHER]
    first = client.messages.create(model=model, max_tokens=512, messages=messages, tools=[WEATHER])
    assert first.stop_reason == "tool_use"
    [call] = [block for block in first.content if block.type == "tool_use"]
    assert (call.name, call.input) == ("get_weather", {"city": "city é 漢字"})

    result = {"type": "tool_result", "tool_use_id": call.id, "content": "3° and rain"}
    messages += [{"role": "assistant", "content": first.content}, {"role": "user", "content": [result]}]
    second = client.messages.create(model=model, max_tokens=512, messages=messages, tools=[WEATHER])
    assert second.content[0].text == "The tool said “3° and rain”. Voilà, 漢字 🙂."
    assert received(simulator) == upstream_body(wire.sent[-1], model)


def test_tools_streamed(client, simulator, model):
    options = {"tools": [WEATHER], "tool_choice": {"type": "any"}}
    with client.messages.stream(model=model, max_tokens=512, messages=[ASK_WEATHER], **options) as stream:
        pieces = [event.partial_json for event in stream if event.type == "input_json"]
        final = stream.get_final_message()
    [call] = [block for block in final.content if block.type == "tool_use"]
    assert (call.name, call.input, final.stop_reason) == ("get_weather", {"city": "city é 漢字"}, "tool_use")
    assert len([piece for piece in pieces if piece]) > 1


@pytest.mark.parametrize("told", [False, True])
def test_usage_is_whole_whatever_the_first_event_tells(client, simulator, model, told):
    simulator.control("quirks", {"message_start_usage": told})
    with client.messages.stream(model=model, max_tokens=64, messages=HELLO) as stream:
        first = next(iter(stream))
        final = stream.get_final_message()
    assert first.message.usage.input_tokens == (9 if told or model == "claude-direct" else 0)
    assert (final.usage.input_tokens, final.usage.output_tokens) == (9, 11)


@pytest.mark.parametrize("how", ["whole", "streamed"])
def test_redacted_thinking_is_given_back_byte_for_byte(client, simulator, wire, model, how):
    options = {"model": model, "max_tokens": 2048, "thinking": THINKING}
    ask = {"role": "user", "content": "Hello with redacted_thinking"}
    if how == "whole":
        first = client.messages.create(messages=[ask], **options)
    else:
        with client.messages.stream(messages=[ask], **options) as stream:
            first = stream.get_final_message()
    [redacted] = [block for block in first.content if block.type == "redacted_thinking"]
    assert redacted.data
    turns = [ask, {"role": "assistant", "content": first.content}, HELLO[0]]
    assert client.messages.create(messages=turns, **options).content[-1].text == REPLY
    assert received(simulator) == upstream_body(wire.sent[-1], model)


@pytest.mark.parametrize("how", ["whole", "streamed"])
def test_thinking_is_given_back_byte_for_byte(client, simulator, wire, model, how):
    simulator.control("quirks", {"thinking_required": True})
    options = {"model": model, "max_tokens": 2048, "thinking": THINKING, "tools": [WEATHER]}
    if how == "whole":
        first = client.messages.create(messages=[ASK_WEATHER], **options)
    else:
        with client.messages.stream(messages=[ASK_WEATHER], **options) as stream:
            first = stream.get_final_message()
    thinking, call = first.content
    assert (thinking.type, call.type) == ("thinking", "tool_use")
    assert thinking.thinking == "Thinking about “Call get_weather for Oslo”: naïve, 考え中 🙂."
    assert thinking.signature.endswith("=="), "a signature that careless rewriting spoils"

    result = {"type": "tool_result", "tool_use_id": call.id, "content": "3°"}
    turns = [ASK_WEATHER, {"role": "assistant", "content": first.content}, {"role": "user", "content": [result]}]
    second = client.messages.create(messages=turns, **options)
    assert second.content[-1].text == "The tool said “3°”. Voilà, 漢字 🙂."
    assert received(simulator) == upstream_body(wire.sent[-1], model)
    assert simulator.body()["messages"][1]["content"][0]["signature"] == thinking.signature

    altered = thinking.model_copy(update={"signature": thinking.signature[:-3] + "x=="})
    turns[1] = {"role": "assistant", "content": [altered, call]}
    with pytest.raises(anthropic.BadRequestError) as caught:
        client.messages.create(messages=turns, **options)
    assert caught.value.type == "invalid_request_error"
    assert "signature" in caught.value.message
    turns[1] = {"role": "assistant", "content": [call]}
    with pytest.raises(anthropic.BadRequestError):
        client.messages.create(messages=turns, **options)


def test_what_is_to_be_cached_is_marked_upstream(client, simulator, wire, model):
    system = [{"type": "text", "text": "Be brief. " * 2000, "cache_control": {"type": "ephemeral", "ttl": "1h"}}]
    options = {"model": model, "max_tokens": 64, "messages": HELLO, "system": system}
    first = client.messages.create(**options).usage
    second = client.messages.create(**options).usage
    assert received(simulator) == upstream_body(wire.sent[-1], model)
    assert first.cache_creation_input_tokens == second.cache_read_input_tokens > 1000
    assert (first.cache_read_input_tokens, second.cache_creation_input_tokens) == (0, 0)
    assert first.input_tokens == second.input_tokens < 20


def test_count_tokens(client, simulator, wire, model):
    counted = client.messages.count_tokens(model=model, messages=HELLO, tools=[WEATHER])
    assert counted.input_tokens > 9
    assert simulator.request()["path"] == f"{PATHS[model]}/count_tokens"
    assert received(simulator) == upstream_body(wire.sent[-1], model)


def test_cost_is_what_was_billed(client, simulator):
    raw = client.messages.with_raw_response.create(model="claude-vercel", max_tokens=64, messages=HELLO)
    assert raw.parse().content[0].text == REPLY
    assert Decimal(raw.headers["x-litellm-response-cost"]) == simulator.billed() > 0
    assert raw.headers["x-litellm-model-group"] == "claude-vercel"


def test_keys_are_taken_in_both_headers_and_go_nowhere(dialects, simulator, model):
    clients = [
        anthropic.Anthropic(base_url=dialects.url, api_key=MASTER_KEY, max_retries=0),
        anthropic.Anthropic(base_url=dialects.url, auth_token=MASTER_KEY, max_retries=0),
    ]
    for client in clients:
        with client:
            assert client.messages.create(model=model, max_tokens=64, messages=HELLO).content[0].text == REPLY
    for request in simulator.requests():
        headers = dict(request["headers"])
        assert MASTER_KEY not in str(headers)
        if model == "claude-direct":
            assert headers["x-api-key"] == UPSTREAM_KEY
        else:
            assert headers["authorization"] == f"Bearer {UPSTREAM_KEY}"


def test_versions_and_betas_go_upstream(client, simulator, wire, model):
    betas = ["context-1m-2025-08-07", "interleaved-thinking-2025-05-14"]
    reply = client.beta.messages.create(model=model, max_tokens=64, messages=HELLO, betas=betas)
    assert reply.content[0].text == REPLY
    assert header(simulator, "anthropic-version") == wire.headers[-1]["anthropic-version"]
    assert header(simulator, "anthropic-beta") == wire.headers[-1]["anthropic-beta"] == ",".join(betas)
    sent = dict(simulator.request()["headers"])
    assert not [name for name in sent if name.startswith("x-stainless-")]


def test_provider_options_go_upstream_untouched(client, simulator):
    extra = {"providerOptions": {"gateway": {"order": ["bedrock", "anthropic"]}}, "invented_next_year": [1.50]}
    client.messages.create(model="claude-vercel", max_tokens=64, messages=HELLO, extra_body=extra)
    assert {key: simulator.body()[key] for key in extra} == extra


def test_models_in_anthropic_s_shape(client, simulator):
    whole = client.models.list(limit=1000)
    listed = [info.id for info in whole.data]
    assert {"claude-vercel", "claude-direct", "gpt-vercel"} <= set(listed)
    assert "vercel_ai_gateway/anthropic/claude-opus-5" in listed
    assert (whole.first_id, whole.last_id, whole.has_more) == (listed[0], listed[-1], False)
    assert {info.type for info in whole.data} == {"model"}
    assert all(info.display_name and info.created_at.tzinfo for info in whole.data)
    first = client.models.list(limit=50)
    assert (first.last_id, first.has_more) == (listed[49], True)
    assert [info.id for info in first] == listed, "the SDK asks for page after page"
    one = client.models.retrieve("claude-vercel")
    assert (one.id, one.type) == ("claude-vercel", "model")
    with pytest.raises(anthropic.NotFoundError):
        client.models.retrieve("no-such-model")
