"""openai-python: Responses, at the Vercel AI Gateway and at an upstream that is OpenAI's own kind."""

import asyncio
import json
from decimal import Decimal

import openai
import pytest
from pydantic import BaseModel

from programs import MASTER_KEY, SECOND_UPSTREAM_KEY
from wire import Wire, received

REPLY = "You said “Hello”. Voilà, 漢字 🙂."
# By the name of a group: what the upstream calls the model, and where its responses are.
UPSTREAM_MODELS = {"gpt-vercel": "openai/gpt-5.4", "gpt-direct": "gpt-5.4"}
PATHS = {"gpt-vercel": "/v1/responses", "gpt-direct": "/openai/v1/responses"}
WEATHER = {
    "type": "function",
    "name": "get_weather",
    "description": "The weather in a city.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
    "strict": True,
}
ASK_WEATHER = {"role": "user", "content": "Call get_weather for Oslo"}


@pytest.fixture(params=["gpt-vercel", "gpt-direct"])
def model(request):
    return request.param


@pytest.fixture
def wire():
    return Wire()


@pytest.fixture
def client(dialects, simulator, wire):
    http_client = openai.DefaultHttpxClient(event_hooks=wire.hooks())
    with openai.OpenAI(base_url=dialects.v1, api_key=MASTER_KEY, max_retries=0, http_client=http_client) as client:
        yield client


def upstream_body(sent, model):
    """The bytes that must reach the upstream: those sent, with its own name of the model."""
    named = f'"model":"{model}"'.encode()
    assert sent.count(named) == 1
    return sent.replace(named, f'"model":"{UPSTREAM_MODELS[model]}"'.encode())


def test_whole(client, simulator, wire, model):
    reply = client.responses.create(model=model, input="Hello", instructions="Be brief.", max_output_tokens=64)
    assert reply.output_text == REPLY
    assert (reply.object, reply.status, reply.model) == ("response", "completed", model)
    assert (reply.usage.input_tokens, reply.usage.output_tokens, reply.usage.total_tokens) == (16, 11, 27)
    assert reply.id.startswith("resp_")
    assert received(simulator) == upstream_body(wire.sent[-1], model)
    assert simulator.request()["path"] == PATHS[model]


def test_async(dialects, simulator, model):
    async def ask():
        async with openai.AsyncOpenAI(base_url=dialects.v1, api_key=MASTER_KEY, max_retries=0) as client:
            whole = await client.responses.create(model=model, input="Hello")
            async with client.responses.stream(model=model, input="Hello") as stream:
                return whole.output_text, (await stream.get_final_response()).output_text

    assert asyncio.run(ask()) == (REPLY, REPLY)


def test_streamed(client, simulator, model):
    events = list(client.responses.create(model=model, input="Hello", stream=True))
    kinds = [event.type for event in events]
    assert kinds[:2] == ["response.created", "response.in_progress"]
    assert kinds[-1] == "response.completed"
    assert [event.sequence_number for event in events] == list(range(len(events)))
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert len(deltas) > 1
    assert "".join(deltas) == REPLY
    told = [event.response for event in events if hasattr(event, "response")]
    assert {response.model for response in told} == {model}
    assert len({response.id for response in told}) == 1, "an id is told alike in every event"
    assert events[-1].response.usage.total_tokens == 20
    assert simulator.ended()["outcome"] == "complete"


def test_streamed_with_the_accumulating_reader(client, simulator, model):
    with client.responses.stream(model=model, input="Hello") as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_response()
    assert kinds.count("response.output_text.done") == 1
    assert (final.output_text, final.status, final.usage.total_tokens) == (REPLY, "completed", 20)


def test_stream_split_at_every_byte(client, simulator, model):
    simulator.control("pacing", {"split": {"every": 1}})
    with client.responses.stream(model=model, input="Hello") as stream:
        assert stream.get_final_response().output_text == REPLY


def test_leaving_a_stream_cancels_upstream(client, simulator, model):
    simulator.fault({"stall": {"after_events": 3}}, path=PATHS[model])
    stream = client.responses.create(model=model, input="Hello", stream=True)
    next(stream)
    stream.close()
    assert simulator.ended()["outcome"] == "caller_left"


@pytest.mark.parametrize("how", ["items", "previous_response_id"])
def test_tools_two_turns(client, simulator, model, how):
    first = client.responses.create(model=model, input=[ASK_WEATHER], tools=[WEATHER])
    [call] = [item for item in first.output if item.type == "function_call"]
    assert (call.name, json.loads(call.arguments)) == ("get_weather", {"city": "city é 漢字"})
    answer = {"type": "function_call_output", "call_id": call.call_id, "output": "3° and rain"}
    if how == "items":
        items = [ASK_WEATHER, *first.output, answer]
        second = client.responses.create(model=model, input=items, tools=[WEATHER])
    else:
        second = client.responses.create(
            model=model, input=[answer], tools=[WEATHER], previous_response_id=first.id
        )
        assert second.previous_response_id == first.id, "callers see the id that they were given"
        assert simulator.body()["previous_response_id"] not in (first.id, None)
    assert second.output_text == "The tool said “3° and rain”. Voilà, 漢字 🙂."


def test_tools_streamed(client, simulator, model):
    options = {"model": model, "input": [ASK_WEATHER], "tools": [WEATHER], "tool_choice": "required"}
    with client.responses.stream(**options) as stream:
        events = list(stream)
        final = stream.get_final_response()
    arguments = [event.delta for event in events if event.type == "response.function_call_arguments.delta"]
    assert len(arguments) > 1
    assert json.loads("".join(arguments)) == {"city": "city é 漢字"}
    assert final.output[-1].parsed_arguments == {"city": "city é 漢字"}


def test_custom_tool(client, simulator, model):
    tool = {"type": "custom", "name": "apply_patch", "description": "Patches a file.", "format": {"type": "text"}}
    asked = {"role": "user", "content": "Call apply_patch now"}
    first = client.responses.create(model=model, input=[asked], tools=[tool])
    [call] = [item for item in first.output if item.type == "custom_tool_call"]
    assert call.name == "apply_patch"
    answer = {"type": "custom_tool_call_output", "call_id": call.call_id, "output": "Done!"}
    second = client.responses.create(model=model, input=[answer], tools=[tool], previous_response_id=first.id)
    assert second.output_text == "The tool said “Done!”. Voilà, 漢字 🙂."


class Person(BaseModel):
    name: str
    age: int


def test_structured_output(client, simulator, model):
    reply = client.responses.parse(model=model, input="Hello", text_format=Person)
    assert isinstance(reply.output_parsed, Person)
    assert simulator.body()["text"]["format"]["name"] == "Person"


def test_what_is_cut_short_is_incomplete(client, simulator, model):
    reply = client.responses.create(model=model, input="Hello", max_output_tokens=3)
    assert (reply.status, reply.incomplete_details.reason) == ("incomplete", "max_output_tokens")
    events = list(client.responses.create(model=model, input="Hello", max_output_tokens=3, stream=True))
    assert events[-1].type == "response.incomplete"


@pytest.mark.parametrize("group", ["gpt-vercel", "gpt-direct", "gpt-two-accounts"])
@pytest.mark.parametrize("how", ["whole", "streamed"])
def test_encrypted_reasoning_is_given_back_to_who_made_it(client, simulator, group, how):
    options = {
        "model": group,
        "store": False,
        "include": ["reasoning.encrypted_content"],
        "reasoning": {"effort": "low", "summary": "auto"},
        "tools": [WEATHER],
    }
    if how == "whole":
        first = client.responses.create(input=[ASK_WEATHER], **options)
    else:
        with client.responses.stream(input=[ASK_WEATHER], **options) as stream:
            first = stream.get_final_response()
    [reasoning] = [item for item in first.output if item.type == "reasoning"]
    [call] = [item for item in first.output if item.type == "function_call"]
    assert reasoning.encrypted_content
    assert reasoning.summary[0].text == "Thinking about “Call get_weather for Oslo”: naïve, 考え中 🙂."

    answer = {"type": "function_call_output", "call_id": call.call_id, "output": "3°"}
    # As agents give items back: those alone that are not empty.
    output = [item.model_dump(exclude_none=True, exclude={"parsed_arguments"}) for item in first.output]
    second = client.responses.create(input=[ASK_WEATHER, *output, answer], **options)
    assert second.output_text == "The tool said “3°”. Voilà, 漢字 🙂."
    [sent] = [item for item in simulator.body()["input"] if item.get("type") == "reasoning"]
    if group == "gpt-two-accounts":
        assert reasoning.encrypted_content.endswith(sent["encrypted_content"])
        assert reasoning.encrypted_content != sent["encrypted_content"]
    else:
        assert reasoning.encrypted_content == sent["encrypted_content"]
    keys = [dict(request["headers"])["authorization"] for request in simulator.requests()]
    assert keys[0] == keys[1], "a follow-up goes to the account that made the item"


@pytest.mark.parametrize("by", ["item", "previous_response_id"])
def test_a_follow_up_goes_to_the_account_that_answered(client, simulator, by):
    """The first deployment of a group would answer; it knows neither the response nor the item of the second."""
    options = {"include": ["reasoning.encrypted_content"], "reasoning": {"effort": "low"}}
    first = client.responses.create(model="the-second-account", input="Hello", **options)
    if by == "item":
        turns = [{"role": "user", "content": "Hello"}, *first.output, {"role": "user", "content": "World"}]
        second = client.responses.create(model="gpt-two-accounts", input=turns, store=False, **options)
    else:
        second = client.responses.create(
            model="gpt-two-accounts", input="World", previous_response_id=first.id, **options
        )
    assert second.output_text == "You said “World”. Voilà, 漢字 🙂."
    keys = [dict(request["headers"])["authorization"] for request in simulator.requests()]
    assert keys == [f"Bearer {SECOND_UPSTREAM_KEY}"] * 2


def test_altered_encrypted_reasoning_is_refused(client, simulator, model):
    reasoning = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAAAA-invented"}
    with pytest.raises(openai.BadRequestError) as caught:
        client.responses.create(model=model, input=[reasoning, {"role": "user", "content": "Hello"}], store=False)
    assert "invalid_encrypted_content" in caught.value.response.text


def test_headers_of_the_dialect_go_upstream(client, simulator, model):
    headers = {"OpenAI-Beta": "responses=experimental", "originator": "codex_exec", "session_id": "s-1"}
    client.responses.create(model=model, input="Hello", extra_headers=headers)
    sent = dict(simulator.request()["headers"])
    assert {name: sent[name.lower()] for name in headers} == headers
    assert not [name for name in sent if name.startswith("x-stainless-")]


def test_cost_is_what_was_billed(client, simulator):
    raw = client.responses.with_raw_response.create(model="gpt-vercel", input="Hello")
    assert raw.parse().output_text == REPLY
    assert Decimal(raw.headers["x-litellm-response-cost"]) == simulator.billed() > 0


@pytest.mark.parametrize(
    ("fault", "exception", "status"),
    [
        ("rate-limited-7", openai.RateLimitError, 429),
        ("unavailable", openai.InternalServerError, 503),
        ("html-bad-gateway", openai.InternalServerError, 502),
        ("insufficient-funds", openai.APIStatusError, 402),
        ("unknown-model", openai.NotFoundError, 404),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_failures_of_the_upstream(client, simulator, fault, exception, status, stream):
    with pytest.raises(exception) as caught:
        client.responses.create(model=f"vercel_ai_gateway/sim/fault-{fault}", input="Hello", stream=stream)
    assert caught.value.status_code == status
    assert caught.value.code == str(status)
    assert len(simulator.requests()) == 1


@pytest.mark.parametrize(
    "fault",
    [
        {"cut": {"after_bytes": 2200, "how": "close"}},
        {"cut": {"after_bytes": 2200, "how": "reset"}},
        {"truncate": {"after_events": 6}},
        {"error_event": {"after_events": 6}},
    ],
    ids=["closed", "reset", "ended early", "error event"],
)
def test_a_stream_that_breaks_ends_as_failed(client, simulator, model, fault):
    simulator.fault(fault, path=PATHS[model])
    events = list(client.responses.create(model=model, input="Hello", stream=True))
    kinds = [event.type for event in events]
    assert (kinds[0], kinds[-1], kinds.count("response.completed")) == ("response.created", "response.failed", 0)
    text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert text
    assert REPLY.startswith(text)
    assert [event.sequence_number for event in events] == list(range(len(events)))
    failed = events[-1].response
    assert (failed.id, failed.model, failed.status) == (events[0].response.id, model, "failed")
    assert failed.error.code == "server_error"
    assert failed.error.message

    simulator.fault(fault, path=PATHS[model])
    with (
        pytest.raises(RuntimeError, match="response.completed"),
        client.responses.stream(model=model, input="Hello") as stream,
    ):
        stream.get_final_response()
