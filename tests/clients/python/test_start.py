"""Starting without a file: with a key every Vercel model answers, without one only echo does."""

import json
import urllib.request

import openai
import pytest

HELLO = [{"role": "user", "content": "Hello"}]


def client_of(gateway):
    return openai.OpenAI(base_url=gateway.v1, api_key="unused", max_retries=0)


@pytest.mark.parametrize("model", ["openai/gpt-4o", "vercel_ai_gateway/openai/gpt-4o"])
def test_every_vercel_model_under_its_id_and_its_prefix(gateway_without_file, simulator, model):
    with client_of(gateway_without_file) as client:
        reply = client.chat.completions.create(model=model, messages=HELLO)
    assert reply.model == model
    assert simulator.body()["model"] == "openai/gpt-4o"


def test_what_is_printed_can_be_copied(gateway_without_file):
    printed = gateway_without_file.stdout.read_text()
    assert "AI_GATEWAY_API_KEY" in printed
    assert f"curl -s {gateway_without_file.v1}/chat/completions" in printed
    assert f'OpenAI(base_url="{gateway_without_file.v1}"' in printed
    assert f'new OpenAI({{ baseURL: "{gateway_without_file.v1}"' in printed


def test_echo_answers_without_a_key(gateway_without_key, simulator):
    with client_of(gateway_without_key) as client:
        reply = client.chat.completions.create(model="echo/hello", messages=HELLO)
        stream = client.chat.completions.create(model="echo/hello", messages=HELLO, stream=True)
        streamed = "".join(chunk.choices[0].delta.content or "" for chunk in stream)
    assert reply.choices[0].message.content == streamed
    assert "Hello" in streamed


def test_a_missing_key_is_said_so(gateway_without_key, simulator):
    with client_of(gateway_without_key) as client, pytest.raises(openai.AuthenticationError) as caught:
        client.chat.completions.create(model="openai/gpt-4o", messages=HELLO)
    assert "VERCEL_AI_GATEWAY_API_KEY" in caught.value.message
    assert simulator.requests() == []
    with urllib.request.urlopen(f"{gateway_without_key.url}/health/readiness", timeout=5) as response:
        assert json.load(response)["providers"] == "echo only"
