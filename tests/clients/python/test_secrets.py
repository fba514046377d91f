"""Canaries: the keys of the suite appear in nothing that Trunkline prints or answers."""

import json
import urllib.error
import urllib.request

import pytest

from programs import MASTER_KEY, SECRETS, UPSTREAM_KEY, Gateway

PROMPT = "tell nobody about the blue heron"
HELLO = [{"role": "user", "content": PROMPT}]
FAULTS = [
    "invalid-key",
    "insufficient-funds",
    "verification-required",
    "rate-limited-7",
    "unavailable",
    "html-bad-gateway",
    "flat-error",
    "garbage",
    "empty-error-500",
    "cut-close-300",
    "cut-reset-300",
    "error-event-2",
    "truncate-2",
]


def answer(url, path, body=None, key=MASTER_KEY):
    """Everything that is sent back to one request: status, headers and body, as text."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    try:
        reply = urllib.request.urlopen(urllib.request.Request(url + path, data=data, headers=headers), timeout=30)
    except urllib.error.HTTPError as error:
        reply = error
    with reply:
        return f"{reply.status}\n{reply.headers}\n{reply.read().decode(errors='replace')}"


def every_answer(gateway):
    """The answers to good and bad requests of every kind."""
    for path in (
        "/",
        "/health/liveliness",
        "/health/readiness",
        "/v1/models",
        "/v1/models/gpt-4o-gateway",
        "/model/info",
        "/v1/model/info",
        "/model_group/info",
        "/no/such/path",
    ):
        yield answer(gateway.url, path)
        yield answer(gateway.url, path, key=MASTER_KEY + "0")
    chat = "/v1/chat/completions"
    for stream in (False, True):
        for model in ("gpt-4o-gateway", "no-such-group", "vercel_ai_gateway/no/such-model"):
            yield answer(gateway.url, chat, {"model": model, "messages": HELLO, "stream": stream})
        for fault in FAULTS:
            model = f"vercel_ai_gateway/sim/fault-{fault}"
            yield answer(gateway.url, chat, {"model": model, "messages": HELLO, "stream": stream})
    yield answer(gateway.url, chat, {"model": "gpt-4o-gateway", "messages": HELLO, "api_key": "sk-of-the-caller"})
    yield answer(gateway.url, "/v1/embeddings", {"model": "small-embedding", "input": PROMPT})
    yield answer(gateway.url, "/v1/embeddings", {"model": "small-embedding"})


def canary(folder, simulator, flags):
    """Trunkline with keys that must not be seen again."""
    environment = {
        "VERCEL_AI_GATEWAY_API_BASE": f"{simulator.url}/v1",
        "VERCEL_AI_GATEWAY_API_KEY": UPSTREAM_KEY,
        "LITELLM_MASTER_KEY": MASTER_KEY,
    }
    return Gateway("canary", folder, environment, "gateway.yaml", flags)


@pytest.mark.parametrize("flags", [[], ["--detailed-debug"]], ids=["as usual", "with every log line"])
def test_no_key_in_any_answer_or_log(tmp_path, simulator, flags):
    gateway = canary(tmp_path, simulator, flags)
    answers = list(every_answer(gateway))
    assert len(answers) > 50
    for text in answers:
        for secret in SECRETS:
            assert secret not in text
    # The key did arrive where it belongs, so the canary was alive.
    sent = [dict(request["headers"]).get("authorization") for request in simulator.requests()]
    assert f"Bearer {UPSTREAM_KEY}" in sent
    assert not [value for value in sent if value and MASTER_KEY in value]
    gateway.stop_and_check()
    assert PROMPT not in gateway.output(), "prompts are not logged"


def events(*payloads):
    """A stream of events, without an end."""
    return "".join(f"data: {json.dumps(payload)}\n\n" for payload in payloads)


REFUSAL = {"error": {"message": f"Incorrect API key provided: {UPSTREAM_KEY}", "type": "authentication_error"}}
PIECE = {"id": "1", "model": "m", "choices": [{"index": 0, "delta": {"content": "Hi"}, "finish_reason": None}]}


@pytest.mark.parametrize(
    ("stream", "fault"),
    [
        (False, {"status": 401, "body": json.dumps(REFUSAL)}),
        (False, {"status": 500, "content_type": "text/plain", "body": f"crash: Bearer {UPSTREAM_KEY}"}),
        (True, {"status": 401, "body": json.dumps(REFUSAL)}),
        (True, {"status": 200, "content_type": "text/event-stream", "body": events(REFUSAL)}),
        (True, {"status": 200, "content_type": "text/event-stream", "body": events(PIECE, REFUSAL)}),
    ],
    ids=["refusal", "crash", "refusal of a stream", "first event", "later event"],
)
def test_a_key_that_the_upstream_quotes_is_blotted_out(tmp_path, simulator, stream, fault):
    gateway = canary(tmp_path, simulator, ["--detailed-debug"])
    simulator.fault({"answer": fault})
    text = answer(gateway.url, "/v1/chat/completions", {"model": "gpt-4o-gateway", "messages": HELLO, "stream": stream})
    assert "[redacted]" in text
    assert UPSTREAM_KEY not in text
    gateway.stop_and_check()
