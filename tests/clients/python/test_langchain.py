"""LangChain's OpenAI integration, pointed at Trunkline."""

import asyncio

import openai
import pytest
from pydantic import BaseModel

from programs import MASTER_KEY

langchain_openai = pytest.importorskip("langchain_openai", reason="this environment holds the OpenAI SDK alone")

from langchain_core.messages import HumanMessage, ToolMessage  # noqa: E402
from langchain_core.tools import tool  # noqa: E402

REPLY = "You said “Hello”. Voilà, 漢字 🙂."


@tool
def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"3° in {city}"


class City(BaseModel):
    """A city."""

    name: str
    inhabitants: int


@pytest.fixture
def model(gateway, simulator):
    return langchain_openai.ChatOpenAI(model="gpt-4o-gateway", base_url=gateway.v1, api_key=MASTER_KEY, max_retries=0)


def test_invoke(model, simulator):
    reply = model.invoke("Hello")
    assert reply.content == REPLY
    assert reply.usage_metadata["total_tokens"] == 20
    assert reply.response_metadata["finish_reason"] == "stop"
    assert reply.response_metadata["model_name"] == "gpt-4o-gateway"


def test_async(model, simulator):
    assert asyncio.run(model.ainvoke("Hello")).content == REPLY


def test_stream(model, simulator):
    whole = None
    for chunk in model.stream("Hello"):
        whole = chunk if whole is None else whole + chunk
    assert whole.content == REPLY
    assert whole.response_metadata["finish_reason"] == "stop"


def test_stream_with_usage(gateway, simulator):
    model = langchain_openai.ChatOpenAI(
        model="gpt-4o-gateway", base_url=gateway.v1, api_key=MASTER_KEY, stream_usage=True
    )
    told = [chunk.usage_metadata["total_tokens"] for chunk in model.stream("Hello") if chunk.usage_metadata]
    assert told[-1] == 20


def test_tools_two_turns(model, simulator):
    with_tools = model.bind_tools([get_weather])
    messages = [HumanMessage("Call get_weather for Oslo")]
    first = with_tools.invoke(messages)
    [call] = first.tool_calls
    assert (call["name"], call["args"]) == ("get_weather", {"city": "city é 漢字"})
    answer = get_weather.invoke(call)
    assert isinstance(answer, ToolMessage)
    second = with_tools.invoke([*messages, first, answer])
    assert second.content == "The tool said “3° in city é 漢字”. Voilà, 漢字 🙂."


@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
def test_structured_output(model, simulator, method):
    city = model.with_structured_output(City, method=method).invoke("Hello")
    assert isinstance(city, City)


def test_embeddings(gateway, simulator):
    # With its length check LangChain sends token numbers, which the Vercel AI Gateway does not document.
    embeddings = langchain_openai.OpenAIEmbeddings(
        model="small-embedding", base_url=gateway.v1, api_key=MASTER_KEY, check_embedding_ctx_length=False
    )
    vectors = embeddings.embed_documents(["Hello", "World"])
    assert [len(vector) for vector in vectors] == [1536, 1536]
    assert embeddings.embed_query("Hello") == vectors[0]


def test_errors(model, gateway, simulator):
    with pytest.raises(openai.RateLimitError):
        model.model_copy(update={"model_name": "vercel_ai_gateway/sim/fault-rate-limited-1"}).invoke("Hello")
    with pytest.raises(openai.BadRequestError):
        model.model_copy(update={"model_name": "no-such-group"}).invoke("Hello")


def test_a_cut_stream_is_an_error(model, simulator):
    simulator.fault({"cut": {"after_bytes": 700, "how": "close"}})
    text = ""
    with pytest.raises(openai.APIError):
        for chunk in model.stream("Hello"):
            text += chunk.content
    assert text
    assert REPLY.startswith(text)
    assert text != REPLY
