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


# What the other dialects are asked, by path.
DIALECTS = {
    "/v1/messages": {"max_tokens": 64, "messages": HELLO},
    "/v1/responses": {"input": PROMPT},
    "/v2/rerank": {"query": PROMPT, "documents": [PROMPT]},
    "/v1/images/generations": {"prompt": PROMPT},
}


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
    for path, question in DIALECTS.items():
        yield answer(gateway.url, path, question | {"model": "gpt-4o-gateway"}, key=MASTER_KEY + "0")
        for stream in (False, True):
            for model in ("gpt-4o-gateway", "no-such-group", "vercel_ai_gateway/no/such-model"):
                yield answer(gateway.url, path, question | {"model": model, "stream": stream})
            for fault in FAULTS:
                model = f"vercel_ai_gateway/sim/fault-{fault}"
                yield answer(gateway.url, path, question | {"model": model, "stream": stream})
    yield answer(gateway.url, chat, {"model": "gpt-4o-gateway", "messages": HELLO, "api_key": "sk-of-the-caller"})
    yield answer(gateway.url, "/v1/embeddings", {"model": "small-embedding", "input": PROMPT})
    yield answer(gateway.url, "/v1/embeddings", {"model": "small-embedding"})


@pytest.fixture
def canary(tmp_path, simulator):
    """Starts Trunkline with keys that must not be seen again."""
    environment = {
        "VERCEL_AI_GATEWAY_API_BASE": f"{simulator.url}/v1",
        "VERCEL_AI_GATEWAY_API_KEY": UPSTREAM_KEY,
        "LITELLM_MASTER_KEY": MASTER_KEY,
    }
    started = []

    def start(flags):
        started.append(Gateway("canary", tmp_path, environment, "gateway.yaml", flags))
        return started[-1]

    yield start
    for gateway in started:
        gateway.process.kill()


@pytest.mark.parametrize("flags", [[], ["--detailed-debug"]], ids=["as usual", "with every log line"])
def test_no_key_in_any_answer_or_log(canary, simulator, flags):
    gateway = canary(flags)
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
    return "".join(f"{name(payload)}data: {json.dumps(payload)}\n\n" for payload in payloads)


def name(payload):
    """The line that names an event, in the dialects that name them."""
    return f"event: {payload['type']}\n" if "type" in payload else ""


QUOTED = f"Incorrect API key provided: {UPSTREAM_KEY}"
REFUSAL = {"error": {"message": QUOTED, "type": "authentication_error"}}
PIECE = {"id": "1", "model": "m", "choices": [{"index": 0, "delta": {"content": "Hi"}, "finish_reason": None}]}
IN_MESSAGES = {"type": "error", "error": {"type": "authentication_error", "message": QUOTED}}
MESSAGE = {"type": "message_start", "message": {"id": "gen_1", "model": "m", "content": [], "usage": {}}}
RESPONSE = {"id": "resp_1", "object": "response", "model": "m", "status": "in_progress", "output": []}
CREATED = {"type": "response.created", "sequence_number": 0, "response": RESPONSE}
FAILED_RESPONSE = RESPONSE | {"status": "failed", "error": {"code": "invalid_api_key", "message": QUOTED}}
FAILED = {"type": "response.failed", "sequence_number": 1, "response": FAILED_RESPONSE}
ERROR = {"type": "error", "sequence_number": 1, "code": "invalid_api_key", "message": QUOTED, "param": None}


def refusal(body, status=401):
    return {"status": status, "body": json.dumps(body)}


def streamed(*payloads):
    return {"status": 200, "content_type": "text/event-stream", "body": events(*payloads)}


CHAT, MESSAGES, RESPONSES = "/v1/chat/completions", "/v1/messages", "/v1/responses"
QUOTES = {
    "a refusal": (CHAT, False, refusal(REFUSAL)),
    "a crash": (CHAT, False, {"status": 500, "content_type": "text/plain", "body": f"crash: Bearer {UPSTREAM_KEY}"}),
    "a refusal of a stream": (CHAT, True, refusal(REFUSAL)),
    "the first event": (CHAT, True, streamed(REFUSAL)),
    "a later event": (CHAT, True, streamed(PIECE, REFUSAL)),
    "a refusal of Messages": (MESSAGES, False, refusal(IN_MESSAGES)),
    "the first event of Messages": (MESSAGES, True, streamed(IN_MESSAGES)),
    "a later event of Messages": (MESSAGES, True, streamed(MESSAGE, IN_MESSAGES)),
    "a refusal of Responses": (RESPONSES, False, refusal(REFUSAL)),
    "a failed response": (RESPONSES, False, refusal(FAILED_RESPONSE, 200)),
    "the first event of Responses": (RESPONSES, True, streamed(ERROR)),
    "a later event of Responses": (RESPONSES, True, streamed(CREATED, ERROR)),
    "the event of a failed response": (RESPONSES, True, streamed(CREATED, FAILED)),
    "a refusal of rerank": ("/v2/rerank", False, refusal({"message": QUOTED})),
    "a refusal of a picture": ("/v1/images/generations", False, refusal(REFUSAL)),
}


@pytest.mark.parametrize(("path", "stream", "fault"), QUOTES.values(), ids=QUOTES)
def test_a_key_that_the_upstream_quotes_is_blotted_out(canary, simulator, path, stream, fault):
    gateway = canary(["--detailed-debug"])
    simulator.fault({"answer": fault}, path=path)
    question = {"messages": HELLO} if path == CHAT else DIALECTS[path]
    text = answer(gateway.url, path, question | {"model": "gpt-4o-gateway", "stream": stream})
    assert "[redacted]" in text
    assert UPSTREAM_KEY not in text
    gateway.stop_and_check()
