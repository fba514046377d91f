"""openai-python: responses that an upstream keeps, and whose ids are good for the caller who was given them."""

import json

import openai
import pytest

from programs import MASTER_KEY, OTHER_MASTER_KEY, UPSTREAM_KEY

REPLY = "You said “Hello”. Voilà, 漢字 🙂."
MODEL = "gpt-direct"


@pytest.fixture
def client(dialects, simulator):
    with openai.OpenAI(base_url=dialects.v1, api_key=MASTER_KEY, max_retries=0) as client:
        yield client


@pytest.fixture
def stored(client):
    return client.responses.create(model=MODEL, input="Hello")


def upstream_id(simulator):
    """The id that the upstream knows the one response by."""
    path = simulator.requests()[-1]["path"]
    return path.removeprefix("/openai/v1/responses/").split("/")[0]


def test_retrieve(client, simulator, stored):
    again = client.responses.retrieve(stored.id)
    assert (again.id, again.model, again.output_text, again.status) == (stored.id, MODEL, REPLY, "completed")
    assert upstream_id(simulator).startswith("resp_")
    assert upstream_id(simulator) != stored.id


def test_retrieve_what_was_streamed(client, simulator):
    with client.responses.stream(model=MODEL, input="Hello") as stream:
        final = stream.get_final_response()
    assert client.responses.retrieve(final.id).output_text == REPLY


def test_retrieve_as_a_stream(client, simulator, stored):
    events = list(client.responses.retrieve(stored.id, stream=True, starting_after=1))
    assert [event.sequence_number for event in events][0] == 2
    assert events[-1].type == "response.completed"
    assert (events[-1].response.id, events[-1].response.model) == (stored.id, MODEL)


def test_retrieve_as_a_stream_whose_events_name_others(client, simulator, stored):
    """What an upstream may add next year goes on as it is, beside the ids and models that are put in."""
    client.responses.retrieve(stored.id)
    path, upstream = simulator.requests()[-1]["path"], upstream_id(simulator)
    response = {"id": upstream, "object": "response", "model": "gpt-5.4", "status": "completed", "output": [], "n": 1}
    events = [
        {"type": "response.invented", "sequence_number": 6, "id": upstream},
        {"type": "response.completed", "sequence_number": 7, "response": response},
    ]
    body = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)
    simulator.fault({"answer": {"status": 200, "content_type": "text/event-stream", "body": body}}, path=path)
    told = [event.to_dict() for event in client.responses.retrieve(stored.id, stream=True, starting_after=5)]
    assert simulator.requests()[-1]["query"] == "starting_after=5&stream=true"
    assert told[0] == events[0]
    assert told[1] == events[1] | {"response": response | {"id": stored.id, "model": MODEL}}


def test_input_items(client, simulator, stored):
    items = list(client.responses.input_items.list(stored.id, order="asc"))
    assert [(item.role, item.content[0].text) for item in items] == [("user", "Hello")]
    assert simulator.requests()[-1]["query"] == "order=asc"


def test_delete(client, simulator, stored):
    client.responses.delete(stored.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(stored.id)


def test_cancel(client, simulator):
    running = client.responses.create(model=MODEL, input="Hello", background=True)
    cancelled = client.responses.cancel(running.id)
    assert (cancelled.id, cancelled.status) == (running.id, "cancelled")


def test_input_tokens(client, simulator):
    counted = client.responses.input_tokens.count(model=MODEL, input="Hello")
    assert (counted.object, counted.input_tokens) == ("response.input_tokens", 9)
    assert simulator.request()["path"] == "/openai/v1/responses/input_tokens"


@pytest.mark.parametrize("model", ["gpt-direct", "gpt-vercel"])
def test_compact(client, simulator, model):
    compacted = client.responses.compact(model=model, input=[{"role": "user", "content": "Hello"}])
    assert "compaction" in [item.type for item in compacted.output]
    assert simulator.request()["path"].endswith("/v1/responses/compact")


def test_a_conversation_goes_on(client, simulator, stored):
    second = client.responses.create(model=MODEL, input="World", previous_response_id=stored.id)
    assert second.output_text == "You said “World”. Voilà, 漢字 🙂."
    assert second.previous_response_id == stored.id
    sent = simulator.body()
    assert sent["previous_response_id"].startswith("resp_")
    assert sent["previous_response_id"] != stored.id
    third = client.responses.create(model=MODEL, input="Hello", previous_response_id=second.id)
    assert third.output_text == REPLY


@pytest.mark.parametrize("how", ["invented", "altered", "the upstream's own", "another key's"])
def test_an_id_of_somebody_else_is_refused(client, dialects_of_another, simulator, stored, how):
    client.responses.retrieve(stored.id)
    ids = {
        "invented": "resp_0123456789abcdef",
        "altered": stored.id[:-1] + ("A" if stored.id[-1] != "A" else "B"),
        "the upstream's own": upstream_id(simulator),
        "another key's": stored.id,
    }
    asker = client
    if how == "another key's":
        asker = openai.OpenAI(base_url=dialects_of_another.v1, api_key=OTHER_MASTER_KEY, max_retries=0)
    before = len(simulator.requests())
    identifier = ids[how]
    for ask in (
        asker.responses.retrieve,
        asker.responses.cancel,
        asker.responses.delete,
        asker.responses.input_items.list,
    ):
        with pytest.raises(openai.NotFoundError):
            ask(identifier)
    with pytest.raises(openai.BadRequestError) as caught:
        asker.responses.create(model=MODEL, input="Hello", previous_response_id=identifier)
    assert caught.value.param == "previous_response_id"
    assert len(simulator.requests()) == before, "nothing of it went upstream"
    if asker is not client:
        asker.close()


def test_an_operation_that_the_provider_has_not(client, simulator):
    reply = client.responses.create(model="gpt-vercel", input="Hello")
    with pytest.raises(openai.BadRequestError) as caught:
        client.responses.retrieve(reply.id)
    assert caught.value.type == "unsupported_operation"
    assert "responses" in caught.value.message


def test_a_key_that_a_failed_response_quotes_is_blotted_out(client, simulator, stored):
    client.responses.retrieve(stored.id)
    path = simulator.requests()[-1]["path"]
    error = {"code": "invalid_api_key", "message": f"Incorrect API key provided: {UPSTREAM_KEY}"}
    failed = {"id": upstream_id(simulator), "object": "response", "status": "failed", "output": [], "error": error}
    simulator.fault({"answer": {"status": 200, "body": json.dumps(failed)}}, path=path)
    again = client.responses.with_raw_response.retrieve(stored.id)
    assert UPSTREAM_KEY not in again.text
    assert "[redacted]" in again.text
