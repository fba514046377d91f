"""openai-python: each failure is the exception that programs catch, and says what went wrong."""

import http.client

import openai
import pytest

from programs import MASTER_KEY

HELLO = [{"role": "user", "content": "Hello"}]
SIMULATED = "vercel_ai_gateway/sim/fault-"


@pytest.fixture
def client(gateway, simulator):
    with openai.OpenAI(base_url=gateway.v1, api_key=MASTER_KEY, max_retries=0) as client:
        yield client


def failure(client, model="gpt-4o-gateway", messages=HELLO, **options):
    """Makes a call that must fail with a status, and gives the exception."""
    with pytest.raises(openai.APIStatusError) as caught:
        client.chat.completions.create(model=model, messages=messages, **options)
    error = caught.value
    assert error.code == str(error.status_code)
    assert error.response.headers["x-litellm-call-id"]
    return error


def test_unknown_group(gateway, client, simulator):
    error = failure(client, model="gpt-4o-gatewy")
    assert isinstance(error, openai.BadRequestError)
    assert error.type == "invalid_request_error"
    assert "Invalid model name passed in model=gpt-4o-gatewy" in error.message
    assert "gpt-4o-gateway" in error.message, "the nearest name is offered"
    assert simulator.requests() == []


def test_unknown_upstream_model(client, simulator):
    error = failure(client, model="vercel_ai_gateway/no/such-model")
    assert isinstance(error, openai.NotFoundError)
    assert error.type == "model_not_found"
    assert "Model 'no/such-model' not found" in error.message
    upstream = error.body["provider_specific_fields"]["upstream_body"]
    assert upstream["error"]["param"] == {"modelId": "no/such-model"}


def test_a_refusal_before_the_body_is_read_keeps_the_connection_or_says_so(gateway):
    """A client that pools connections would lose its next request on one that was closed without a word."""
    connection = http.client.HTTPConnection(gateway.url.removeprefix("http://"), timeout=30)
    connection.putrequest("POST", "/v1/chat/completions")
    connection.putheader("authorization", "Bearer sk-wrong")
    connection.putheader("content-length", "2")
    connection.endheaders()
    refusal = connection.getresponse()
    assert refusal.status == 401
    refusal.read()
    if not refusal.will_close:
        connection.send(b"{}")
        connection.request("GET", "/health/liveliness")
        assert connection.getresponse().status == 200
    connection.close()


@pytest.mark.parametrize("key", ["sk-wrong", MASTER_KEY[:-1], MASTER_KEY + "0"])
def test_wrong_key(gateway, simulator, key):
    with openai.OpenAI(base_url=gateway.v1, api_key=key, max_retries=0) as client:
        error = failure(client)
    assert isinstance(error, openai.AuthenticationError)
    assert error.type == "token_not_found_in_db"
    assert key not in error.response.text
    assert simulator.requests() == []


def test_rate_limit(client, simulator):
    error = failure(client, model=f"{SIMULATED}rate-limited-7")
    assert isinstance(error, openai.RateLimitError)
    assert error.type == "rate_limit_exceeded"
    assert error.response.headers["retry-after"] == "7"
    assert "Rate limit exceeded" in error.message


@pytest.mark.parametrize(
    ("fault", "exception", "status", "kind"),
    [
        ("invalid-key", openai.AuthenticationError, 401, "upstream_credential_error"),
        ("insufficient-funds", openai.APIStatusError, 402, "upstream_credential_error"),
        ("quota-exceeded", openai.APIStatusError, 402, "quota_for_entity_exceeded"),
        ("verification-required", openai.PermissionDeniedError, 403, "upstream_credential_error"),
        ("rule-denied", openai.PermissionDeniedError, 403, "forbidden"),
        ("no-providers", openai.BadRequestError, 400, "no_providers_available"),
        ("context-too-long", openai.BadRequestError, 400, "invalid_request_error"),
        ("provider-rate-limited", openai.RateLimitError, 429, None),
        ("internal-error", openai.InternalServerError, 500, "internal_server_error"),
        ("unavailable", openai.InternalServerError, 503, "service_unavailable_error"),
        ("html-bad-gateway", openai.InternalServerError, 502, None),
        ("gateway-timeout", openai.InternalServerError, 504, None),
        ("flat-error", openai.BadRequestError, 400, None),
        ("plain-text-error", openai.BadRequestError, 400, None),
        ("garbage", openai.InternalServerError, 502, "upstream_protocol_error"),
        ("empty-error-500", openai.InternalServerError, 500, None),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_failures_of_the_upstream(client, simulator, fault, exception, status, kind, stream):
    error = failure(client, model=f"{SIMULATED}{fault}", stream=stream)
    assert isinstance(error, exception)
    assert error.status_code == status
    assert kind is None or error.type == kind
    assert error.message
    assert len(simulator.requests()) == 1


def test_missing_messages(client, simulator):
    error = failure(client, messages=openai.omit if hasattr(openai, "omit") else openai.NOT_GIVEN)
    assert isinstance(error, openai.BadRequestError)
    assert (error.param, error.type) == ("messages", "invalid_request_error")


def test_an_operation_that_the_provider_has_not(client, simulator):
    with pytest.raises(openai.BadRequestError) as caught:
        client.completions.create(model="gpt-4o-gateway", prompt="Hello")
    assert caught.value.type == "unsupported_operation"


def test_the_sdk_tries_again_and_succeeds(gateway, simulator):
    simulator.fault("unavailable")
    with openai.OpenAI(base_url=gateway.v1, api_key=MASTER_KEY, max_retries=1) as client:
        reply = client.chat.completions.create(model="gpt-4o-gateway", messages=HELLO)
    assert reply.choices[0].finish_reason == "stop"
    assert [request["status"] for request in simulator.requests()] == [503, 200]


def test_the_sdk_does_not_try_again_what_cannot_help(gateway, simulator):
    with openai.OpenAI(base_url=gateway.v1, api_key=MASTER_KEY, max_retries=3) as client:
        failure(client, model=f"{SIMULATED}insufficient-funds")
    assert len(simulator.requests()) == 1


def test_the_sdk_does_not_multiply_what_the_gateway_tried(gateway, simulator):
    headers = {"x-litellm-num-retries": "2"}
    with openai.OpenAI(base_url=gateway.v1, api_key=MASTER_KEY, default_headers=headers) as client:
        error = failure(client, model=f"{SIMULATED}unavailable")
    assert error.status_code == 503
    assert error.response.headers["x-litellm-attempted-retries"] == "2"
    assert len(simulator.requests()) == 3, "three attempts of the gateway, and not three of the client for each"


def broken_stream(client, simulator, fault):
    """Reads a stream that must break, and gives the text before that and the exception."""
    simulator.fault(fault)
    text, reasons = "", []
    with pytest.raises(openai.APIError) as caught:
        for chunk in client.chat.completions.create(model="gpt-4o-gateway", messages=HELLO, stream=True):
            text += chunk.choices[0].delta.content or ""
            reasons += [chunk.choices[0].finish_reason] if chunk.choices[0].finish_reason else []
    assert reasons == [], "a stream that broke must not look finished"
    return text, caught.value


@pytest.mark.parametrize(
    "fault",
    [
        {"cut": {"after_bytes": 700, "how": "close"}},
        {"cut": {"after_bytes": 700, "how": "reset"}},
        {"truncate": {"after_events": 3}},
    ],
    ids=["closed", "reset", "ended early"],
)
def test_a_cut_is_an_error(client, simulator, fault):
    text, error = broken_stream(client, simulator, fault)
    assert text
    assert "You said “Hello”. Voilà, 漢字 🙂.".startswith(text)
    assert (error.type, error.code) == ("upstream_cut_error", "502")


def test_an_error_event_is_an_error(client, simulator):
    text, error = broken_stream(client, simulator, {"error_event": {"after_events": 3}})
    assert text
    assert error.message


def test_a_failure_before_the_first_event_has_a_status(client, simulator):
    simulator.fault({"error_event": {"after_events": 0}})
    assert failure(client, stream=True).status_code >= 400
