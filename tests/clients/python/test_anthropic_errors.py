"""anthropic-sdk-python: each failure is the exception that programs catch, in Anthropic's envelope."""

import openai
import pytest

from programs import MASTER_KEY

anthropic = pytest.importorskip("anthropic", reason="this environment holds the OpenAI SDK alone")

HELLO = [{"role": "user", "content": "Hello"}]
REPLY = "You said “Hello”. Voilà, 漢字 🙂."
SIMULATED = "vercel_ai_gateway/sim/fault-"
PATHS = {"claude-vercel": "/v1/messages", "claude-direct": "/anthropic/v1/messages"}


@pytest.fixture
def client(dialects, simulator):
    with anthropic.Anthropic(base_url=dialects.url, api_key=MASTER_KEY, max_retries=0) as client:
        yield client


def failure(client, model="claude-vercel", **options):
    """Makes a call that must fail with a status, and gives the exception."""
    with pytest.raises(anthropic.APIStatusError) as caught:
        client.messages.create(model=model, max_tokens=64, messages=HELLO, **options)
    error = caught.value
    assert error.body["type"] == "error"
    assert set(error.body["error"]) >= {"type", "message"}
    assert error.response.headers["x-litellm-call-id"]
    return error


@pytest.mark.parametrize("header", ["api_key", "auth_token"])
def test_wrong_key(dialects, simulator, header):
    wrong = {header: MASTER_KEY + "0"}
    with anthropic.Anthropic(base_url=dialects.url, max_retries=0, **wrong) as client:
        error = failure(client)
    with anthropic.Anthropic(base_url=dialects.url, max_retries=0, **wrong) as client:
        with pytest.raises(anthropic.AuthenticationError):
            client.models.list()
    assert isinstance(error, anthropic.AuthenticationError)
    assert error.type == "authentication_error"
    assert MASTER_KEY not in error.response.text
    assert simulator.requests() == []


def test_unknown_group(client, simulator):
    error = failure(client, model="claude-vercl")
    assert isinstance(error, anthropic.BadRequestError)
    assert error.type == "invalid_request_error"
    assert "claude-vercl" in error.message
    assert "claude-vercel" in error.message, "the nearest name is offered"
    assert simulator.requests() == []


def test_missing_member(client, simulator):
    with pytest.raises(anthropic.BadRequestError) as caught:
        client.post("/v1/messages", cast_to=object, body={"model": "claude-vercel", "max_tokens": 64})
    assert caught.value.type == "invalid_request_error"
    assert "messages" in caught.value.message
    assert simulator.requests() == []


@pytest.mark.parametrize(
    ("fault", "exception", "status", "kind"),
    [
        ("unknown-model", anthropic.NotFoundError, 404, "not_found_error"),
        ("context-too-long", anthropic.BadRequestError, 400, "invalid_request_error"),
        ("terms-violated", anthropic.PermissionDeniedError, 403, "permission_error"),
        ("rate-limited-7", anthropic.RateLimitError, 429, "rate_limit_error"),
        ("internal-error", anthropic.InternalServerError, 500, "api_error"),
        ("unavailable", anthropic.InternalServerError, 503, "overloaded_error"),
        ("html-bad-gateway", anthropic.InternalServerError, 502, "api_error"),
        ("garbage", anthropic.InternalServerError, 502, "api_error"),
        ("empty-error-500", anthropic.InternalServerError, 500, "api_error"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_failures_of_the_upstream(client, simulator, fault, exception, status, kind, stream):
    error = failure(client, model=f"{SIMULATED}{fault}", stream=stream)
    assert isinstance(error, exception)
    assert (error.status_code, error.type) == (status, kind)
    if fault == "rate-limited-7":
        assert error.response.headers["retry-after"] == "7"
    assert len(simulator.requests()) == 1


def test_the_upstream_s_refusal_of_our_key_is_not_the_caller_s(client, simulator):
    error = failure(client, model=f"{SIMULATED}invalid-key")
    assert (error.status_code, error.type) == (401, "upstream_credential_error")


@pytest.mark.parametrize("model", ["claude-vercel", "claude-direct"])
def test_overloaded(client, simulator, model):
    body = '{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}'
    simulator.fault({"answer": {"status": 529, "body": body}}, path=PATHS[model])
    error = failure(client, model=model)
    assert isinstance(error, anthropic.OverloadedError)
    assert (error.type, error.status_code) == ("overloaded_error", 529)
    assert "Overloaded" in error.message


def broken_stream(client, simulator, model, fault):
    """Reads a stream that must break, and gives the text before that and the exception."""
    simulator.fault(fault, path=PATHS[model])
    text, kinds = "", []
    with (
        pytest.raises(anthropic.APIStatusError) as caught,
        client.messages.stream(model=model, max_tokens=64, messages=HELLO) as stream,
    ):
        for event in stream:
            kinds.append(event.type)
            text += event.text if event.type == "text" else ""
    assert "message_stop" not in kinds, "a stream that broke must not look finished"
    return text, caught.value


@pytest.mark.parametrize("model", ["claude-vercel", "claude-direct"])
@pytest.mark.parametrize(
    "fault",
    [
        {"cut": {"after_bytes": 700, "how": "close"}},
        {"cut": {"after_bytes": 700, "how": "reset"}},
        {"truncate": {"after_events": 5}},
    ],
    ids=["closed", "reset", "ended early"],
)
def test_a_cut_is_an_error(client, simulator, model, fault):
    text, error = broken_stream(client, simulator, model, fault)
    assert text
    assert REPLY.startswith(text)
    assert error.body["type"] == "error"
    assert error.type == "api_error"


@pytest.mark.parametrize("model", ["claude-vercel", "claude-direct"])
def test_an_error_event_is_an_error(client, simulator, model):
    text, error = broken_stream(client, simulator, model, {"error_event": {"after_events": 5}})
    assert text
    assert (error.body["type"], error.type) == ("error", "overloaded_error")
    assert "Overloaded" in error.body["error"]["message"]


@pytest.mark.parametrize("model", ["claude-vercel", "claude-direct"])
def test_a_failure_before_the_first_event_has_a_status(client, simulator, model):
    simulator.fault({"error_event": {"after_events": 0}}, path=PATHS[model])
    assert failure(client, model=model, stream=True).status_code >= 400


def test_the_sdk_tries_again_and_succeeds(dialects, simulator):
    simulator.fault("unavailable", path=PATHS["claude-vercel"])
    with anthropic.Anthropic(base_url=dialects.url, api_key=MASTER_KEY, max_retries=1) as client:
        reply = client.messages.create(model="claude-vercel", max_tokens=64, messages=HELLO)
    assert reply.stop_reason == "end_turn"
    assert [request["status"] for request in simulator.requests()] == [503, 200]


def test_an_operation_that_the_provider_has_not(client, dialects, simulator):
    """Nothing is translated from one dialect into another; the refusal names what there is, in the dialect asked in."""
    error = failure(client, model="gpt-direct")
    assert isinstance(error, anthropic.BadRequestError)
    assert error.type == "unsupported_operation"
    assert "chat_completions" in error.message
    assert "responses" in error.message

    with openai.OpenAI(base_url=dialects.v1, api_key=MASTER_KEY, max_retries=0) as other:
        with pytest.raises(openai.BadRequestError) as caught:
            other.chat.completions.create(model="claude-direct", messages=HELLO)
        assert caught.value.type == "unsupported_operation"
        assert "messages" in caught.value.message
        assert "count_tokens" in caught.value.message
    assert simulator.requests() == []
