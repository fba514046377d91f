// Claude Code, pointed at Trunkline: by way of the Vercel AI Gateway, and at an upstream that speaks Messages itself.

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { MASTER_KEY, start } from "../node/programs.mjs";
import { Machine, TOOL_SAYS } from "./agents.mjs";

const ANSWER = "You said “Hello”. Voilà, 漢字 🙂.";
const WHOLE = ["--output-format", "json"];
const STREAMED = ["--output-format", "stream-json", "--verbose", "--include-partial-messages"];

let simulator, gateway, stop, machine;

before(async () => {
  ({ simulator, gateway, stop } = await start("../agents/gateway.yaml"));
});
after(() => stop());
beforeEach(async () => {
  await simulator.reset();
  machine = await Machine.start(gateway);
});
afterEach(() => machine.stop());

const asked = async () => (await simulator.requests()).filter((request) => request.path.endsWith("/messages"));
const bodies = async () => (await asked()).map((request) => JSON.parse(request.body));
const header = (request, name) => request.headers.find(([found]) => found === name)?.[1];
const streamEvents = (events) => events.filter((event) => event.type === "stream_event").map((event) => event.event);

for (const [way, model] of [
  ["by way of Vercel", "anthropic/claude-sonnet-4.5"],
  ["directly", "claude-sonnet-4.5"],
]) {
  describe(way, () => {
    test("a prompt", async () => {
      const { code, result } = await machine.claude(model, ["-p", "Hello", ...WHOLE]);
      assert.equal(result.result, ANSWER);
      assert.equal(code, 0);
      assert.deepEqual(Object.keys(result.modelUsage), [model]);
      const usage = result.usage;
      assert.ok(usage.cache_creation_input_tokens > 1000, "the system prompt is marked to be cached");
      assert.ok(usage.output_tokens > 10);

      const [request, ...others] = await asked();
      assert.equal(others.length, 0);
      assert.equal(header(request, "anthropic-version"), "2023-06-01");
      assert.match(header(request, "anthropic-beta"), /^claude-code-\d+,.*interleaved-thinking/);
      assert.equal(request.query, "beta=true");
      const body = JSON.parse(request.body);
      assert.equal(body.model, model);
      assert.equal(body.stream, true);
      assert.match(body.metadata.user_id, /session_id/);
      assert.deepEqual(body.system.at(-1).cache_control, { type: "ephemeral" });
      assert.ok(!request.body.includes(MASTER_KEY));
    });

    test("a streamed answer", async () => {
      const { code, events, result } = await machine.claude(model, ["-p", "Hello", ...STREAMED]);
      assert.equal(code, 0);
      const stream = streamEvents(events);
      assert.equal(stream[0].type, "message_start");
      assert.equal(stream[0].message.model, model);
      assert.equal(stream.at(-1).type, "message_stop");
      const pieces = stream.filter((event) => event.delta?.type === "text_delta").map((event) => event.delta.text);
      assert.ok(pieces.length > 1, "it came in pieces");
      assert.equal(pieces.join(""), ANSWER);
      assert.equal(result.result, ANSWER);
      assert.equal((await simulator.ended()).outcome, "complete");
    });

    test("a tool, its result, and a second turn", async () => {
      const prompt = `Call Bash {"command":"echo ${TOOL_SAYS}"}`;
      const first = await machine.claude(model, ["-p", prompt, ...STREAMED, "--allowedTools", "Bash"]);
      assert.equal(first.result.result, `The tool said “${TOOL_SAYS}”. Voilà, 漢字 🙂.`);
      assert.equal(first.result.num_turns, 2);
      const second = await machine.claude(model, ["-p", "Hello", "--continue", ...WHOLE]);
      assert.equal(second.result.result, ANSWER);
      assert.equal(second.result.session_id, first.result.session_id);

      const [, answering, continued] = await bodies();
      const said = answering.messages.find((message) => message.role === "assistant").content;
      const tool = said.find((block) => block.type === "tool_use");
      assert.deepEqual(tool.input, { command: `echo ${TOOL_SAYS}` });
      const results = answering.messages.flatMap((message) => message.content).filter((block) => block.tool_use_id);
      assert.deepEqual(
        results.map((block) => [block.tool_use_id, block.content]),
        [[tool.id, TOOL_SAYS]],
      );
      // Thinking comes back with the signature that its stream carried; the simulator refuses any other.
      const [thought] = first.events.filter((event) => event.message?.content?.[0]?.type === "thinking");
      const { thinking, signature } = thought.message.content[0];
      const replayed = said.find((block) => block.type === "thinking");
      assert.deepEqual([replayed.thinking, replayed.signature], [thinking, signature]);
      assert.ok(signature.length > 0);
      const texts = JSON.stringify(continued.messages);
      assert.ok(texts.includes(TOOL_SAYS) && texts.includes("The tool said"), "the second turn knows the first");
    });
  });
}

test("counted tokens", async () => {
  const { code, result } = await machine.claude("anthropic/claude-sonnet-4.5", ["-p", "/context", ...WHOLE]);
  assert.equal(code, 0);
  assert.match(result.result, /Context Usage/);
  const counts = (await simulator.requests()).filter((request) => request.path === "/v1/messages/count_tokens");
  assert.ok(counts.length > 5, `${counts.length} counts`);
  assert.deepEqual([...new Set(counts.map((request) => request.status))], [200]);
  assert.match(header(counts[0], "anthropic-beta"), /token-counting-2024-11-01/);
});

test("the gateway's models in the agent's list", async () => {
  // The agent does not wait for the list, so the gateway should have it from the upstream already.
  const warm = await fetch(`${gateway.v1}/models`, { headers: { authorization: `Bearer ${MASTER_KEY}` } });
  assert.equal(warm.status, 200);
  await warm.body.cancel();
  const variables = { CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "", DISABLE_TELEMETRY: "1", DISABLE_GROWTHBOOK: "1" };
  const { code } = await machine.claude("anthropic/claude-sonnet-4.5", ["-p", "Hello", ...WHOLE], variables);
  assert.equal(code, 0);
  const { baseUrl, models } = JSON.parse(await machine.get(".claude/cache/gateway-models.json"));
  assert.equal(baseUrl, gateway.url);
  assert.ok(models.some((model) => model.id === "anthropic/claude-sonnet-4.5"), JSON.stringify(models));
  // It looks for news of its maker once; the proxy refuses it.
  machine.outside.asked = machine.outside.asked.filter((host) => host !== "api.anthropic.com:443");
});

test("a wrong key is said, and the exit code is the agent's", async () => {
  const variables = { TRUNKLINE_API_KEY: "sk-nobody-knows-this-key", CLAUDE_CODE_MAX_RETRIES: "0" };
  const { code, result } = await machine.claude("claude-sonnet-4.5", ["-p", "Hello", ...WHOLE], variables);
  assert.equal(code, 1);
  assert.equal(result.api_error_status, 401);
  assert.match(result.result, /API Error: 401/);
  assert.deepEqual(await simulator.requests(), []);
});

test("a key of Anthropic's in the environment goes nowhere", async () => {
  const other = "sk-ant-somebodys-own-key";
  const { result } = await machine.claude("claude-sonnet-4.5", ["-p", "Hello", ...WHOLE], { ANTHROPIC_API_KEY: other });
  assert.equal(result.result, ANSWER);
  assert.ok(!JSON.stringify(await simulator.requests()).includes(other));
});

test("an upstream that is overloaded before anything was said is asked again", async () => {
  await simulator.fault({ error_event: { after_events: 3, status: 529 } });
  const { code, result } = await machine.claude("anthropic/claude-sonnet-4.5", ["-p", "Hello", ...WHOLE]);
  assert.equal(result.result, ANSWER);
  assert.equal(code, 0);
  assert.equal((await asked()).length, 2);
});

test("an upstream that is overloaded behind a text is said", async () => {
  await simulator.fault({ error_event: { after_events: 20, status: 529 } });
  const { code, result } = await machine.claude("anthropic/claude-sonnet-4.5", ["-p", "Hello", ...WHOLE]);
  assert.equal(code, 1);
  assert.match(result.result, /^API Error: .*Overloaded/);
  assert.equal((await asked()).length, 1);
});

test("lines that a shell evaluates", async () => {
  const flags = `--url ${gateway.url} --model anthropic/claude-sonnet-4.5`;
  const script = `eval "$("$TRUNKLINE_BIN" claude ${flags})" && claude -p Hello --output-format json`;
  const { TRUNKLINE_BIN } = process.env;
  const variables = { CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1", TRUNKLINE_BIN };
  const { code, stdout } = await machine.run("sh", ["-c", script], variables);
  assert.equal(JSON.parse(stdout).result, ANSWER);
  assert.equal(code, 0);
});
