// The AI SDK with its providers for Anthropic and for OpenAI, whose first choice is Responses.

import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { APICallError, generateText, Output, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";
import { MASTER_KEY, start } from "./programs.mjs";

const REPLY = "You said “Hello”. Voilà, 漢字 🙂.";
const ASKED = "Call weather for Oslo";
const THOUGHT = `Thinking about “${ASKED}”: naïve, 考え中 🙂.`;
const weather = tool({
  description: "The weather in a city.",
  inputSchema: z.object({ city: z.string() }),
  execute: async ({ city }) => `3° in ${city}`,
});
const CLAUDE_THINKS = { anthropic: { thinking: { type: "enabled", budgetTokens: 1024 } } };
// Whether a model reasons is told by its name, of which the SDK knows OpenAI's own.
const GPT_THINKS = { openai: { forceReasoning: true, reasoningEffort: "low", reasoningSummary: "auto", store: false } };
// By the name of a group: the path upstream, and what makes the model think.
const GROUPS = {
  "claude-vercel": ["/v1/messages", CLAUDE_THINKS],
  "claude-direct": ["/anthropic/v1/messages", CLAUDE_THINKS],
  "gpt-vercel": ["/v1/responses", GPT_THINKS],
  "gpt-direct": ["/openai/v1/responses", GPT_THINKS],
};

let simulator, gateway, stop, anthropic, openai;

before(async () => {
  ({ simulator, gateway, stop } = await start("dialects.yaml"));
  anthropic = createAnthropic({ baseURL: gateway.v1, apiKey: MASTER_KEY });
  openai = createOpenAI({ baseURL: gateway.v1, apiKey: MASTER_KEY });
});
after(() => stop());
beforeEach(() => simulator.reset());

const named = (group) => (group.startsWith("claude") ? anthropic(group) : openai(group));

for (const [group, [path, thinking]] of Object.entries(GROUPS)) {
  test(`generateText, ${group}`, async () => {
    const reply = await generateText({ model: named(group), prompt: "Hello" });
    assert.deepEqual([reply.text, reply.finishReason], [REPLY, "stop"]);
    assert.deepEqual([reply.usage.inputTokens, reply.usage.outputTokens], [9, 11]);
    assert.equal(reply.response.modelId, group);
    assert.equal((await simulator.requests())[0].path, path);
  });

  test(`streamText, ${group}`, async () => {
    const reply = streamText({ model: named(group), prompt: "Hello" });
    let whole = "";
    for await (const piece of reply.textStream) whole += piece;
    assert.equal(whole, REPLY);
    assert.equal(await reply.finishReason, "stop");
    const usage = await reply.totalUsage;
    assert.deepEqual([usage.inputTokens, usage.outputTokens], [9, 11]);
  });

  for (const how of ["generateText", "streamText"]) {
    test(`reasoning and tools, two turns, ${how}, ${group}`, async () => {
      const options = {
        model: named(group),
        prompt: ASKED,
        tools: { weather },
        stopWhen: stepCountIs(3),
        providerOptions: thinking,
      };
      const reply = how === "generateText" ? await generateText(options) : streamText(options);
      const steps = await reply.steps;
      assert.equal(steps.length, 2);
      assert.equal(steps[0].reasoningText, THOUGHT);
      assert.deepEqual(steps[0].toolCalls[0].input, { city: "city é 漢字" });
      assert.equal(await reply.text, "The tool said “3° in city é 漢字”. Voilà, 漢字 🙂.");
      assert.equal((await simulator.requests()).length, 2);
    });
  }

  if (group.startsWith("gpt")) {
    // Left to itself, the SDK has responses stored, and refers to their items by their ids on the next turn.
    test(`a second turn with stored items, ${group}`, async () => {
      const { store, ...stored } = thinking.openai;
      const options = { model: named(group), prompt: ASKED, tools: { weather }, stopWhen: stepCountIs(3) };
      const reply = await generateText({ ...options, providerOptions: { openai: stored } });
      assert.equal(reply.text, "The tool said “3° in city é 漢字”. Voilà, 漢字 🙂.");
      const { input } = await simulator.body(1);
      assert.ok(input.some((item) => item.type === "item_reference" && item.id.startsWith("rs_")), JSON.stringify(input));
    });
  }

  test(`structured output, ${group}`, async () => {
    const schema = z.object({ name: z.string(), age: z.number().int() });
    const { output } = await generateText({ model: named(group), prompt: "Hello", output: Output.object({ schema }) });
    assert.ok(Number.isInteger(output.age));
  });

  test(`a cut in the middle of a stream is an error, ${group}`, async () => {
    await simulator.fault({ cut: { after_bytes: group.startsWith("claude") ? 700 : 2200, how: "close" } }, { path });
    const failures = [];
    const reply = streamText({ model: named(group), prompt: "Hello", onError: ({ error }) => failures.push(error) });
    let whole = "";
    for await (const piece of reply.textStream) whole += piece;
    assert.ok(whole.length > 0 && REPLY.startsWith(whole) && whole !== REPLY);
    assert.equal(failures.length, 1);
  });
}

test("an error is told with its status and its words", async () => {
  for (const model of [anthropic("no-such-group"), openai("no-such-group")]) {
    await assert.rejects(generateText({ model, prompt: "Hello" }), (error) => {
      assert.ok(APICallError.isInstance(error));
      assert.deepEqual([error.statusCode, error.isRetryable], [400, false]);
      assert.match(error.message, /no-such-group/);
      return true;
    });
  }
});
