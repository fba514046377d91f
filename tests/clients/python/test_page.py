"""Every example of LiteLLM's page about the Vercel AI Gateway, run as a program of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from programs import UPSTREAM_KEY

pytest.importorskip("litellm", reason="this environment holds the OpenAI SDK alone")

PAGE = Path(__file__).resolve().parent.parent / "page"
REPLY = "You said “Hello, how are you?”. Voilà, 漢字 🙂."


def run(program, **environment):
    """Runs a program of the page, and gives what it printed."""
    variables = os.environ | {"PYTHONIOENCODING": "utf-8"} | environment
    done = subprocess.run(
        [sys.executable, PAGE / program], env=variables, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_openai_sdk_through_the_proxy(page_gateway, simulator):
    assert run("proxy_whole.py", PROXY_URL=page_gateway.url) == REPLY + "\n"
    assert simulator.body()["model"] == "openai/gpt-4o"


def test_openai_sdk_through_the_proxy_streamed(page_gateway, simulator):
    assert run("proxy_streamed.py", PROXY_URL=page_gateway.url) == REPLY
    assert simulator.body()["stream"] is True


def test_litellm_sdk(gateway_without_file, simulator):
    printed = run("sdk_whole.py", VERCEL_AI_GATEWAY_API_BASE=gateway_without_file.v1)
    assert printed.startswith("ModelResponse(")
    assert REPLY in printed
    assert simulator.body()["model"] == "openai/gpt-4o"
    sent = dict(simulator.request()["headers"])
    assert sent["authorization"] == f"Bearer {UPSTREAM_KEY}", "the caller's key must not go upstream"


def test_litellm_sdk_streamed(gateway_without_file, simulator):
    printed = run("sdk_streamed.py", VERCEL_AI_GATEWAY_API_BASE=gateway_without_file.v1)
    assert printed.startswith("ModelResponseStream(")
    assert "finish_reason='stop'" in printed
    assert simulator.ended()["outcome"] == "complete"
