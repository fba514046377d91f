"""openai-python: pictures, sound and moderations."""

import base64
import hashlib
import random
from decimal import Decimal

import openai
import pytest

from programs import MASTER_KEY, UPSTREAM_KEY

PAINTER = "direct/gpt-image-2.6-flare"
SPEAKER = "direct/tts-1"
HEARER = "direct/whisper-1"
# Line ends and dashes, as they stand around the parts of a form, and every byte.
FILE = b"\x89PNG\r\n\x1a\n" + b"\r\n--boundary\r\n--\r\n\r\n" + random.Random(3).randbytes(200_000) + b"\r\n--"


@pytest.fixture
def client(dialects, simulator):
    with openai.OpenAI(base_url=dialects.v1, api_key=MASTER_KEY, max_retries=0) as client:
        yield client


# What the upstream calls each.
UPSTREAM_MODELS = {"painter-vercel": "openai/gpt-image-2.6-flare", PAINTER: "gpt-image-2.6-flare"}


@pytest.fixture(params=["painter-vercel", PAINTER])
def painter(request):
    return request.param


def part(simulator, name):
    """A part of the form that the upstream got."""
    [found] = [part for part in simulator.requests()[-1]["parts"] if part["name"] == name]
    return found


def test_picture(client, simulator, painter):
    reply = client.images.generate(model=painter, prompt="A heron", n=2, size="1024x1024")
    pictures = [base64.b64decode(picture.b64_json) for picture in reply.data]
    assert len(pictures) == 2
    assert all(picture.startswith(b"\x89PNG\r\n\x1a\n") for picture in pictures)
    assert simulator.body() == {
        "model": UPSTREAM_MODELS[painter],
        "prompt": "A heron",
        "n": 2,
        "size": "1024x1024",
    }


def test_picture_streamed(client, simulator, painter):
    events = list(client.images.generate(model=painter, prompt="A heron", stream=True, partial_images=2))
    assert [event.type for event in events] == [
        "image_generation.partial_image",
        "image_generation.partial_image",
        "image_generation.completed",
    ]
    assert base64.b64decode(events[-1].b64_json).startswith(b"\x89PNG\r\n\x1a\n")


def test_picture_edited(client, simulator, painter):
    reply = client.images.edit(model=painter, image=("heron.png", FILE, "image/png"), prompt="More blue, 漢字")
    assert base64.b64decode(reply.data[0].b64_json).startswith(b"\x89PNG\r\n\x1a\n")
    assert part(simulator, "image")["sha256"] == hashlib.sha256(FILE).hexdigest()
    assert part(simulator, "model")["sha256"] == hashlib.sha256(UPSTREAM_MODELS[painter].encode()).hexdigest()
    assert part(simulator, "prompt")["sha256"] == hashlib.sha256("More blue, 漢字".encode()).hexdigest()
    assert simulator.request()["path"].endswith("/v1/images/edits")


def test_pictures_edited_with_a_mask(client, simulator):
    pictures = [("heron.png", FILE, "image/png"), ("eel.png", FILE[::-1], "image/png")]
    options = {"mask": ("mask.png", b"\x89PNG mask", "image/png"), "n": 1, "size": "1024x1024"}
    client.images.edit(model=PAINTER, image=pictures, prompt="Together", **options)
    received = [(part["name"], part["sha256"]) for part in simulator.requests()[-1]["parts"]]
    digests = [(name, hashlib.sha256(data).hexdigest()) for name, data in [("image[]", FILE), ("image[]", FILE[::-1])]]
    assert [row for row in received if row[0] == "image[]"] == digests
    assert dict(received)["mask"] == hashlib.sha256(b"\x89PNG mask").hexdigest()
    assert dict(received)["size"] == hashlib.sha256(b"1024x1024").hexdigest()


def test_cost_of_a_picture_is_what_was_billed(client, simulator):
    raw = client.images.with_raw_response.generate(model="painter-vercel", prompt="A heron")
    assert Decimal(raw.headers["x-litellm-response-cost"]) == simulator.billed() > 0


def spoken(simulator, form):
    """What the upstream says when it is asked without a gateway."""
    with openai.OpenAI(base_url=f"{simulator.url}/openai/v1", api_key=UPSTREAM_KEY, max_retries=0) as upstream:
        options = {"model": "tts-1", "voice": "alloy", "input": "Hello"}
        sound = upstream.audio.speech.create(response_format=form, **options).content
    assert len(sound) > 1000
    return sound


def test_speech(client, simulator):
    sound = client.audio.speech.create(model=SPEAKER, voice="alloy", input="Hello", response_format="wav")
    assert sound.response.headers["content-type"] == "audio/wav"
    assert simulator.body() == {
        "model": "tts-1",
        "voice": "alloy",
        "input": "Hello",
        "response_format": "wav",
    }
    assert sound.content == spoken(simulator, "wav")


def test_speech_streamed_to_a_file(client, simulator, tmp_path):
    options = {"model": SPEAKER, "voice": "alloy", "input": "Hello"}
    with client.audio.speech.with_streaming_response.create(**options) as sound:
        assert sound.headers["content-type"] == "audio/mpeg"
        sound.stream_to_file(tmp_path / "speech.mp3")
    assert (tmp_path / "speech.mp3").read_bytes() == spoken(simulator, "mp3")


def test_speech_arrives_as_it_is_spoken(client, simulator):
    simulator.fault({"stall": {"after_events": 1}}, path="/openai/v1/audio/speech")
    options = {"model": SPEAKER, "voice": "alloy", "input": "Hello"}
    with client.audio.speech.with_streaming_response.create(**options) as sound:
        pieces = sound.iter_bytes()
        begun = next(pieces)
        assert simulator.requests()[-1]["outcome"] is None, "the rest is yet to come"
        simulator.control("release", {})
        whole = begun + b"".join(pieces)
    assert whole == spoken(simulator, "mp3")


def test_speech_that_is_cut_is_an_error(client, simulator):
    simulator.fault({"cut": {"after_bytes": 20, "how": "close"}}, path="/openai/v1/audio/speech")
    with pytest.raises(openai.APIConnectionError):
        client.audio.speech.create(model=SPEAKER, voice="alloy", input="Hello")


def test_transcription(client, simulator):
    reply = client.audio.transcriptions.create(model=HEARER, file=("speech.wav", FILE, "audio/wav"), language="nb")
    assert "Voilà, 漢字 🙂." in reply.text
    assert part(simulator, "file")["sha256"] == hashlib.sha256(FILE).hexdigest()
    assert part(simulator, "model")["sha256"] == hashlib.sha256(b"whisper-1").hexdigest()
    assert part(simulator, "language")["sha256"] == hashlib.sha256(b"nb").hexdigest()


@pytest.mark.parametrize(("form", "start"), [("text", ""), ("srt", "1\n00:00:0")])
def test_transcription_as_text(client, simulator, form, start):
    text = client.audio.transcriptions.create(model=HEARER, file=("speech.wav", FILE), response_format=form)
    assert isinstance(text, str)
    assert text.startswith(start)
    assert "Voilà, 漢字 🙂." in text


def test_transcription_with_segments(client, simulator):
    reply = client.audio.transcriptions.create(
        model=HEARER, file=("speech.wav", FILE), response_format="verbose_json", timestamp_granularities=["segment"]
    )
    assert reply.segments[0].text


def test_transcription_streamed(client, simulator):
    events = list(client.audio.transcriptions.create(model=HEARER, file=("speech.wav", FILE), stream=True))
    deltas = [event.delta for event in events if event.type == "transcript.text.delta"]
    assert events[-1].type == "transcript.text.done"
    assert "".join(deltas) == events[-1].text
    assert len(deltas) > 1


def test_moderation(client, simulator):
    reply = client.moderations.create(model="direct/omni-moderation-latest", input="Hello")
    [result] = reply.results
    assert result.flagged is False
    assert simulator.body() == {"model": "omni-moderation-latest", "input": "Hello"}


def test_moderation_without_a_model(client, simulator):
    assert client.moderations.create(input=["Hello", "violence"]).results[1].flagged is True
    assert simulator.request()["path"] == "/openai/v1/moderations"


def test_errors_are_told_in_openai_s_words(client, simulator):
    with pytest.raises(openai.BadRequestError) as caught:
        client.images.generate(model=PAINTER, prompt=openai.omit if hasattr(openai, "omit") else openai.NOT_GIVEN)
    assert caught.value.param == "prompt"
    with pytest.raises(openai.BadRequestError) as caught:
        client.audio.transcriptions.create(model="no-such-group", file=("speech.wav", FILE))
    assert "Invalid model name passed in model=no-such-group" in caught.value.message
    with pytest.raises(openai.BadRequestError) as caught:
        client.audio.speech.create(model="vercel_ai_gateway/openai/tts-1", voice="alloy", input="Hello")
    assert caught.value.type == "unsupported_operation"
    assert simulator.requests() == []
