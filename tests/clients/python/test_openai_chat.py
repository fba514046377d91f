"""openai-python: chat completions, whole and streamed, with tools and with structured output."""

import asyncio
import json
from typing import Literal

import openai
import pytest
from pydantic import BaseModel

from programs import MASTER_KEY

HELLO = [{"role": "user", "content": "Hello"}]
REPLY = "You said “Hello”. Voilà, 漢字 🙂."
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
ASK_WEATHER = {"role": "user", "content": "Call get_weather for Oslo"}


@pytest.fixture
def client(gateway, simulator):
    with openai.OpenAI(base_url=gateway.v1, api_key=MASTER_KEY, max_retries=0) as client:
        yield client


def test_whole(client, simulator):
    reply = client.chat.completions.create(model="gpt-4o-gateway", messages=HELLO, temperature=0.2, seed=7)
    assert reply.choices[0].message.content == REPLY
    assert reply.choices[0].finish_reason == "stop"
    assert reply.model == "gpt-4o-gateway"
    assert reply.id.startswith("gen_")
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens, reply.usage.total_tokens) == (9, 11, 20)
    assert simulator.body() == {"model": "openai/gpt-4o", "messages": HELLO, "temperature": 0.2, "seed": 7}


def test_async(gateway, simulator):
    async def ask():
        async with openai.AsyncOpenAI(base_url=gateway.v1, api_key=MASTER_KEY, max_retries=0) as client:
            whole = client.chat.completions.create(model="gpt-4o-gateway", messages=HELLO)
            streamed = await client.chat.completions.create(model="gpt-4o-gateway", messages=HELLO, stream=True)
            pieces = [chunk.choices[0].delta.content or "" async for chunk in streamed]
            return (await whole).choices[0].message.content, "".join(pieces)

    assert asyncio.run(ask()) == (REPLY, REPLY)


def test_many_at_once(gateway, simulator):
    async def ask(client, number):
        messages = [{"role": "user", "content": f"number {number}"}]
        reply = await client.chat.completions.create(model="gpt-4o-gateway", messages=messages)
        return reply.choices[0].message.content

    async def ask_all():
        async with openai.AsyncOpenAI(base_url=gateway.v1, api_key=MASTER_KEY, max_retries=0) as client:
            return await asyncio.gather(*(ask(client, number) for number in range(32)))

    assert asyncio.run(ask_all()) == [f"You said “number {number}”. Voilà, 漢字 🙂." for number in range(32)]


def test_streamed(client, simulator):
    chunks = list(client.chat.completions.create(model="gpt-4o-gateway", messages=HELLO, stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == REPLY
    assert {chunk.model for chunk in chunks} == {"gpt-4o-gateway"}
    assert {chunk.object for chunk in chunks} == {"chat.completion.chunk"}
    assert len({chunk.id for chunk in chunks}) == 1
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices[0].finish_reason] == ["stop"]
    assert simulator.body()["stream_options"] == {"include_usage": True}, "usage is asked for upstream always"
    assert simulator.ended()["outcome"] == "complete"


@pytest.mark.parametrize("upstream", ["on the finish event", "in an event of its own"])
def test_usage_event_comes_only_if_asked_for(client, simulator, upstream):
    def events_without_choices(**options):
        if upstream == "in an event of its own":
            simulator.fault("usage_only_chunk")
        stream = client.chat.completions.create(model="gpt-4o-gateway", messages=HELLO, stream=True, **options)
        return [chunk.usage.total_tokens for chunk in stream if not chunk.choices]

    assert events_without_choices() == []
    assert events_without_choices(stream_options={"include_usage": False}) == []
    assert events_without_choices(stream_options={"include_usage": True}) == [20]


def test_stream_split_at_every_byte(client, simulator):
    simulator.control("pacing", {"split": {"every": 1}})
    chunks = list(client.chat.completions.create(model="gpt-4o-gateway", messages=HELLO, stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == REPLY


def test_stream_read_with_the_accumulating_reader(client, simulator):
    options = {"stream_options": {"include_usage": True}}
    with client.chat.completions.stream(model="gpt-4o-gateway", messages=HELLO, **options) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_completion()
    assert kinds.count("content.done") == 1
    assert (final.choices[0].message.content, final.usage.total_tokens) == (REPLY, 20)


def test_leaving_a_stream_cancels_upstream(client, simulator):
    simulator.fault({"stall": {"after_events": 2}})
    stream = client.chat.completions.create(model="gpt-4o-gateway", messages=HELLO, stream=True)
    next(stream)
    stream.close()
    assert simulator.ended()["outcome"] == "caller_left"


def test_tools_two_turns(client, simulator):
    messages = [ASK_WEATHER]
    first = client.chat.completions.create(model="gpt-4o-gateway", messages=messages, tools=[WEATHER])
    assert first.choices[0].finish_reason == "tool_calls"
    assert first.choices[0].message.content is None
    [call] = first.choices[0].message.tool_calls
    assert (call.type, call.function.name) == ("function", "get_weather")
    assert json.loads(call.function.arguments) == {"city": "city é 漢字"}

    messages.append(first.choices[0].message)
    messages.append({"role": "tool", "tool_call_id": call.id, "content": "3° and rain"})
    second = client.chat.completions.create(model="gpt-4o-gateway", messages=messages, tools=[WEATHER])
    assert second.choices[0].message.content == "The tool said “3° and rain”. Voilà, 漢字 🙂."
    sent = simulator.body()["messages"]
    assert sent[1]["tool_calls"][0]["id"] == sent[2]["tool_call_id"] == call.id


def test_tools_streamed(client, simulator):
    options = {"tools": [WEATHER], "tool_choice": "required", "stream": True}
    name, arguments, identifiers, reasons = "", "", [], []
    for chunk in client.chat.completions.create(model="gpt-4o-gateway", messages=[ASK_WEATHER], **options):
        [choice] = chunk.choices
        reasons += [choice.finish_reason] if choice.finish_reason else []
        for call in choice.delta.tool_calls or []:
            assert call.index == 0
            identifiers += [call.id] if call.id else []
            name += call.function.name or ""
            arguments += call.function.arguments or ""
    assert (name, json.loads(arguments), reasons) == ("get_weather", {"city": "city é 漢字"}, ["tool_calls"])
    assert len(identifiers) == 1


class Address(BaseModel):
    street: str
    number: int


class Person(BaseModel):
    name: str
    role: Literal["author", "editor"]
    addresses: list[Address]


def test_structured_output(client, simulator):
    reply = client.chat.completions.parse(model="gpt-4o-gateway", messages=HELLO, response_format=Person)
    person = reply.choices[0].message.parsed
    assert isinstance(person, Person)
    assert person.role == "author"
    assert isinstance(person.addresses, list)
    asked = simulator.body()["response_format"]
    assert (asked["type"], asked["json_schema"]["name"], asked["json_schema"]["strict"]) == (
        "json_schema",
        "Person",
        True,
    )


def test_structured_output_streamed(client, simulator):
    options = {"model": "gpt-4o-gateway", "messages": HELLO, "response_format": Person}
    with client.chat.completions.stream(**options) as stream:
        stream.until_done()
        assert isinstance(stream.get_final_completion().choices[0].message.parsed, Person)


def test_tool_with_a_pydantic_model(client, simulator):
    messages = [{"role": "user", "content": "Call Person now"}]
    tools = [openai.pydantic_function_tool(Person)]
    reply = client.chat.completions.parse(model="gpt-4o-gateway", messages=messages, tools=tools)
    [call] = reply.choices[0].message.tool_calls
    assert isinstance(call.function.parsed_arguments, Person)


def test_reasoning_is_read_and_given_back_unchanged(client, simulator):
    model = "vercel_ai_gateway/anthropic/claude-4-sonnet"
    first = client.chat.completions.create(model=model, messages=[ASK_WEATHER], tools=[WEATHER], reasoning_effort="low")
    message = first.choices[0].message
    thought = "Thinking about “Call get_weather for Oslo”: naïve, 考え中 🙂."
    assert message.model_extra["reasoning"] == message.model_extra["reasoning_content"] == thought
    [details] = message.model_extra["reasoning_details"]
    assert details["signature"].startswith("sig/")
    assert details["signature"].endswith("+/==")

    answer = {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "3°"}
    client.chat.completions.create(model=model, messages=[ASK_WEATHER, message, answer], tools=[WEATHER])
    assert simulator.body()["messages"][1]["reasoning_details"] == [details]


def test_reasoning_streamed(client, simulator):
    model = "vercel_ai_gateway/deepseek/deepseek-v3.2"
    stream = client.chat.completions.create(
        model=model, messages=HELLO, extra_body={"reasoning": {"effort": "low"}}, stream=True
    )
    deltas = [chunk.choices[0].delta.model_extra for chunk in stream]
    thought = "Thinking about “Hello”: naïve, 考え中 🙂."
    assert "".join(delta.get("reasoning", "") for delta in deltas) == thought
    assert "".join(delta.get("reasoning_content", "") for delta in deltas) == thought


def test_vendor_fields_go_upstream_untouched(client, simulator):
    extra = {
        "models": ["anthropic/claude-4-sonnet"],
        "providerOptions": {"gateway": {"order": ["azure", "openai"], "tags": ["team:x"], "user": "u-7"}},
        "invented_next_year": {"deep": [1.50, None, "漢字"]},
    }
    reply = client.chat.completions.create(model="gpt-4o-gateway", messages=HELLO, extra_body=extra)
    sent = simulator.body()
    assert {key: sent[key] for key in extra} == extra
    gateway_said = reply.choices[0].message.model_extra["provider_metadata"]["gateway"]
    assert gateway_said["routing"]["finalProvider"] == "azure"
    assert gateway_said["generationId"] == reply.id
