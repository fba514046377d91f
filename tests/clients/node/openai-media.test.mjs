// openai-node: pictures, sound and moderations.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { after, before, beforeEach, test } from "node:test";
import OpenAI, { toFile } from "openai";
import { MASTER_KEY, start } from "./programs.mjs";

const FILE = Buffer.concat([Buffer.from("\r\n--boundary\r\n--\r\n\r\n"), randomBytes(200_000), Buffer.from("\r\n--")]);
const PNG = Buffer.from([0x89, 0x50, 0x4e, 0x47]);

let simulator, gateway, stop, client;

before(async () => {
  ({ simulator, gateway, stop } = await start("dialects.yaml"));
  client = new OpenAI({ baseURL: gateway.v1, apiKey: MASTER_KEY, maxRetries: 0 });
});
after(() => stop());
beforeEach(() => simulator.reset());

const digest = (bytes) => createHash("sha256").update(bytes).digest("hex");

// The digests of the parts of the last form, by name.
async function parts() {
  const received = (await simulator.requests()).at(-1).parts;
  return Object.fromEntries(received.map((part) => [part.name, part.sha256]));
}

// By the name of a group, what the upstream calls the model.
const PAINTERS = {
  "painter-vercel": "openai/gpt-image-2.6-flare",
  "direct/gpt-image-2.6-flare": "gpt-image-2.6-flare",
};

for (const [model, upstream] of Object.entries(PAINTERS)) {
  test(`a picture, ${model}`, async () => {
    const reply = await client.images.generate({ model, prompt: "A heron" });
    assert.deepEqual(Buffer.from(reply.data[0].b64_json, "base64").subarray(0, 4), PNG);
  });

  test(`a picture, streamed, ${model}`, async () => {
    const kinds = [];
    const stream = await client.images.generate({ model, prompt: "A heron", stream: true, partial_images: 1 });
    for await (const event of stream) kinds.push(event.type);
    assert.deepEqual(kinds, ["image_generation.partial_image", "image_generation.completed"]);
  });

  test(`a picture that is edited, ${model}`, async () => {
    const image = await toFile(FILE, "heron.png", { type: "image/png" });
    const reply = await client.images.edit({ model, image, prompt: "More blue" });
    assert.ok(reply.data[0].b64_json);
    const received = await parts();
    assert.equal(received.image, digest(FILE));
    assert.equal(received.model, digest(upstream));
  });
}

test("speech, in pieces", async () => {
  const options = { model: "direct/tts-1", voice: "alloy", input: "Hello" };
  const sound = await client.audio.speech.create(options);
  assert.equal(sound.headers.get("content-type"), "audio/mpeg");
  const pieces = [];
  for await (const piece of sound.body) pieces.push(piece);
  const again = await client.audio.speech.create(options);
  assert.deepEqual(Buffer.concat(pieces), Buffer.from(await again.arrayBuffer()));
  assert.ok(pieces[0].length > 0);
});

test("a transcription: whole, as a text, streamed", async () => {
  const model = "direct/whisper-1";
  const file = () => toFile(FILE, "speech.wav", { type: "audio/wav" });
  const { text } = await client.audio.transcriptions.create({ model, file: await file() });
  assert.match(text, /漢字 🙂/);
  assert.equal((await parts()).file, digest(FILE));
  const plain = await client.audio.transcriptions.create({ model, file: await file(), response_format: "text" });
  assert.match(plain, /漢字 🙂/);
  let whole = "";
  const stream = await client.audio.transcriptions.create({ model, file: await file(), stream: true });
  for await (const event of stream) {
    if (event.type === "transcript.text.delta") whole += event.delta;
    else assert.deepEqual([event.type, event.text], ["transcript.text.done", whole]);
  }
  assert.match(whole, /漢字 🙂/);
});

test("moderations", async () => {
  const reply = await client.moderations.create({ model: "direct/omni-moderation-latest", input: "Hello" });
  assert.equal(reply.results[0].flagged, false);
});
