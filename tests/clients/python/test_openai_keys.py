"""openai-python with virtual keys: what a key may, and the exceptions that programs catch where it may not."""

from decimal import Decimal

import openai
import pytest

from wire import header

HELLO = [{"role": "user", "content": "Hello"}]
REPLY = "You said “Hello”. Voilà, 漢字 🙂."
MODEL = "gpt-4o-gateway"


@pytest.fixture
def client_of(gateway):
    """Makes clients, each with a key of its own, that try nothing twice."""
    clients = []

    def make(key):
        clients.append(openai.OpenAI(base_url=gateway.v1, api_key=key, max_retries=0))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


def ask(client, model=MODEL, **options):
    return client.chat.completions.create(model=model, messages=HELLO, **options)


def failure(client, exception, **options):
    """Makes a call that must be refused, and gives the exception."""
    with pytest.raises(exception) as caught:
        ask(client, **options)
    error = caught.value
    assert error.code == str(error.status_code)
    assert client.api_key not in error.response.text
    return error


def text(stream):
    return "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)


def test_whole_and_streamed(management, client_of, simulator):
    key = management.key(key_alias="whole and streamed", models=[MODEL])
    client = client_of(key)
    reply = ask(client)
    assert (reply.choices[0].message.content, reply.model) == (REPLY, MODEL)
    assert text(ask(client, stream=True)) == REPLY

    assert [request["status"] for request in simulator.requests()] == [200, 200]
    for index in (0, 1):
        assert key not in header(simulator, "authorization", index)
    rows = management.rows(key, 2)
    billed = simulator.billed(0) + simulator.billed(1)
    assert sum(row["spend"] for row in rows) == billed > 0
    assert management.info(key)["spend"] == billed
    assert [row["total_tokens"] for row in rows] == [20, 20]


def test_models_are_those_of_the_key(management, client_of):
    client = client_of(management.key(models=["small-embedding", "vercel_ai_gateway/openai/gpt-4o*"]))
    listed = {model.id for model in client.models.list()}
    assert "vercel_ai_gateway/openai/gpt-4o-mini" in listed
    assert "small-embedding" in listed
    listed.remove("small-embedding")
    assert all(name.startswith("vercel_ai_gateway/openai/gpt-4o") for name in listed), listed
    assert client.models.retrieve("small-embedding").id == "small-embedding"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve(MODEL)


@pytest.mark.parametrize("stream", [False, True])
def test_another_model_is_refused(management, client_of, simulator, stream):
    client = client_of(management.key(models=[MODEL]))
    error = failure(client, openai.PermissionDeniedError, model="claude-4-sonnet-gateway", stream=stream)
    assert (error.type, error.param) == ("key_model_access_denied", "model")
    assert "claude-4-sonnet-gateway" in error.message
    assert simulator.requests() == []


def test_a_key_s_own_name_of_a_model(management, client_of, simulator):
    client = client_of(management.key(models=[MODEL], aliases={"fast": MODEL}))
    assert ask(client, model="fast").choices[0].message.content == REPLY
    assert simulator.body()["model"] == "openai/gpt-4o"


def test_requests_a_minute(management, client_of, simulator):
    limited, other = client_of(management.key(rpm_limit=2)), client_of(management.key(rpm_limit=2))
    for _ in range(2):
        ask(limited)
    error = failure(limited, openai.RateLimitError)
    assert error.type == "rate_limit_error"
    headers = error.response.headers
    assert 0 < int(headers["retry-after"]) <= 60
    assert headers["rate_limit_type"] == "requests"
    assert "Current limit: 2" in error.message
    assert ask(other).choices[0].message.content == REPLY, "each key has its own minute"
    assert len(simulator.requests()) == 3


def test_tokens_a_minute(management, client_of, simulator):
    client = client_of(management.key(tpm_limit=50))
    ask(client, max_tokens=11)
    error = failure(client, openai.RateLimitError, max_tokens=40)
    assert error.response.headers["rate_limit_type"] == "tokens"
    assert 0 < int(error.response.headers["retry-after"]) <= 60
    assert len(simulator.requests()) == 1


def test_requests_at_one_time(management, client_of, simulator):
    client = client_of(management.key(max_parallel_requests=1))
    simulator.fault({"stall": {"after_events": 2}})
    with ask(client, stream=True) as stream:
        next(iter(stream))
        error = failure(client, openai.RateLimitError)
        assert error.response.headers["rate_limit_type"] == "max_parallel_requests"
        simulator.control("release", {})
        text(stream)
    assert ask(client).choices[0].message.content == REPLY, "the stream's place is free again"


def test_what_is_left_is_told(management, client_of, simulator):
    client = client_of(management.key(rpm_limit=5, tpm_limit=1000, max_budget=1))
    reply = client.chat.completions.with_raw_response.create(model=MODEL, messages=HELLO, max_tokens=11)
    headers = reply.headers
    assert headers["x-ratelimit-api_key-limit-requests"] == "5"
    assert headers["x-ratelimit-api_key-remaining-requests"] == "4"
    assert headers["x-ratelimit-api_key-limit-tokens"] == "1000"
    assert 900 < int(headers["x-ratelimit-api_key-remaining-tokens"]) < 1000
    assert (headers["x-litellm-key-spend"], headers["x-litellm-key-max-budget"]) == ("0", "1")
    assert simulator.body()["max_tokens"] == 11


def test_a_spent_budget(management, client_of, simulator):
    key = management.key(key_alias="spent", max_budget="0.0003", budget_duration="1d")
    client = client_of(key)
    # What a call may cost must fit, so the longest reply is said.
    for _ in range(2):
        ask(client, max_tokens=11)
    error = failure(client, openai.UnprocessableEntityError, max_tokens=11)
    assert error.type == "budget_exceeded"
    assert simulator.billed(0) + simulator.billed(1) == Decimal("0.000265")
    assert f"Key=spent (sk-...{key[-4:]}) Current cost: 0.000265, Max budget: 0.0003" in error.message
    assert len(simulator.requests()) == 2
    assert MODEL in {model.id for model in client.models.list()}, "to look costs nothing"

    management.post("/key/update", key=key, max_budget=1)
    assert ask(client).choices[0].message.content == REPLY


def test_a_revoked_key(management, client_of, simulator):
    key = management.key()
    client = client_of(key)
    ask(client)
    management.post("/key/block", key=key)
    assert "blocked" in failure(client, openai.AuthenticationError).message
    management.post("/key/unblock", key=key)
    ask(client)
    assert len(management.post("/key/delete", keys=[key])["deleted_keys"]) == 1
    assert failure(client, openai.AuthenticationError).type == "token_not_found_in_db"
    with pytest.raises(openai.AuthenticationError):
        client.models.list()
    assert len(simulator.requests()) == 2


def test_a_key_that_has_expired(management, client_of, simulator):
    client = client_of(management.key(expires="2020-01-01T00:00:00Z"))
    assert failure(client, openai.AuthenticationError).type == "expired_key"
    assert simulator.requests() == []


def test_another_secret_of_a_key(management, client_of, simulator):
    old = management.key(models=[MODEL])
    ask(client_of(old))
    management.rows(old, 1)
    # By its path, which stands in no log.
    new = management.post(f"/key/{old}/regenerate")["key"]
    management.note(new)
    management.keys.remove(old)
    failure(client_of(old), openai.AuthenticationError)
    ask(client_of(new))
    management.rows(new, 1)
    assert management.info(new)["spend"] == simulator.billed(0) + simulator.billed(1)


def test_a_key_makes_no_keys(management, client_of, gateway):
    """A program's key is for models: whoever holds it gets at nobody else's."""
    client = client_of(management.key())
    for path in ("/key/generate", "/user/new", "/team/new"):
        with pytest.raises(openai.APIStatusError) as caught:
            client.post(f"{gateway.url}{path}", body={}, cast_to=object)
        assert caught.value.status_code in (401, 403), path
    with pytest.raises(openai.APIStatusError) as caught:
        client.get(f"{gateway.url}/key/list", cast_to=object)
    assert caught.value.status_code in (401, 403)
