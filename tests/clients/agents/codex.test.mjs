// Codex, pointed at Trunkline: by way of the Vercel AI Gateway, and at an upstream that speaks Responses itself.

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { MASTER_KEY, start } from "../node/programs.mjs";
import { Between, Machine, QUIET_CODEX, TOOL_SAYS } from "./agents.mjs";

const ANSWER = "You said “Hello”. Voilà, 漢字 🙂.";
const EXEC = ["exec", "--skip-git-repo-check", "--json", ...QUIET_CODEX];

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

const bodies = async () => (await simulator.requests()).map((request) => JSON.parse(request.body));
const ofType = (body, type) => body.input.filter((item) => item.type === type);

for (const [way, model, upstream] of [
  ["by way of Vercel", "openai/gpt-5.3-codex", "openai/gpt-5.3-codex"],
  ["directly", "gpt-5.3-codex", "gpt-5.3-codex"],
  ["at one of two accounts", "shared/gpt-5.3-codex", "gpt-5.3-codex"],
]) {
  describe(way, () => {
    test("a prompt, streamed", async () => {
      const { code, answers, usage, reconnects } = await machine.codex(model, ["Hello"]);
      assert.deepEqual(answers, [ANSWER]);
      assert.deepEqual([code, reconnects], [0, 0]);
      assert.ok(usage.input_tokens > 1000 && usage.output_tokens > 10, JSON.stringify(usage));

      const [request, ...others] = await simulator.requests();
      assert.equal(others.length, 0);
      assert.match(request.path, /\/v1\/responses$/);
      assert.equal(request.outcome, "complete");
      const body = JSON.parse(request.body);
      assert.equal(body.model, upstream);
      assert.deepEqual([body.stream, body.store], [true, false]);
      assert.deepEqual(body.include, ["reasoning.encrypted_content"]);
      assert.ok(body.tools.some((tool) => tool.type === "namespace"), "tools pass that no one here knows");
      assert.ok(!JSON.stringify(request).includes(MASTER_KEY));
    });

    test("a tool, its result, and a second turn", async () => {
      const first = await machine.codex(model, [`Call exec_command {"cmd":"echo ${TOOL_SAYS}"}`]);
      assert.equal(first.commands[0].aggregated_output, `${TOOL_SAYS}\n`);
      assert.equal(first.commands[0].exit_code, 0);
      assert.match(first.answers.at(-1), new RegExp(`The tool said “.*${TOOL_SAYS}`, "s"));
      const second = await machine.codex(model, ["resume", "--last", "Hello"]);
      assert.deepEqual(second.answers, [ANSWER]);

      const [, answering, continued] = await bodies();
      const [call] = ofType(answering, "function_call");
      const [output] = ofType(answering, "function_call_output");
      assert.equal(call.arguments, `{"cmd":"echo ${TOOL_SAYS}"}`);
      assert.equal(output.call_id, call.call_id);
      // Reasoning comes back sealed as it went out; the simulator refuses any other.
      const sealed = ofType(answering, "reasoning").map((item) => item.encrypted_content);
      assert.equal(sealed.length, 1);
      assert.ok(sealed[0].length > 0);
      assert.equal(ofType(continued, "reasoning")[0].encrypted_content, sealed[0]);
      assert.ok(JSON.stringify(continued.input).includes("The tool said"), "the second turn knows the first");
    });
  });
}

// For these it writes its tools into the input.
test("a model that Codex knows", async () => {
  const { answers, events } = await machine.codex("gpt-5.6-sol", ["Hello"]);
  assert.deepEqual(answers, [ANSWER]);
  assert.ok(!JSON.stringify(events).includes("metadata"), "it misses nothing about the model");
  const [body] = await bodies();
  assert.equal(body.tools, undefined);
  assert.equal(body.input[0].type, "additional_tools");
  assert.ok(body.input[0].tools.length > 1);
});

test("a model that nobody has is said", async () => {
  const { code, failure } = await machine.codex("no-such-model", ["Hello"]);
  assert.equal(code, 1);
  assert.match(failure, /no-such-model/);
  assert.deepEqual(await simulator.requests(), []);
});

test("a stream that breaks is not taken for an answer", async () => {
  await simulator.fault({ cut: { after_bytes: 2000, how: "reset" } });
  const { code, answers } = await machine.codex("openai/gpt-5.3-codex", ["Hello"]);
  assert.deepEqual(answers, [ANSWER]);
  assert.equal(code, 0);
  const outcomes = (await simulator.requests()).map((request) => request.outcome);
  assert.deepEqual(outcomes, ["cut", "complete"]);
});

// Codex compresses its bodies for somebody who is signed in to ChatGPT, and a provider that is called OpenAI.
test("bodies in zstd", async () => {
  const between = await Between.start(gateway);
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const claims = { email: "a@example.com", "https://api.openai.com/auth": { chatgpt_account_id: "acc", chatgpt_plan_type: "pro" } };
  const tokens = {
    id_token: `${part({ alg: "none" })}.${part(claims)}.${part("signature")}`,
    access_token: MASTER_KEY,
    refresh_token: "none",
    account_id: "acc",
  };
  const login = { auth_mode: "chatgpt", OPENAI_API_KEY: null, tokens, last_refresh: new Date().toISOString() };
  await machine.put(".codex/auth.json", JSON.stringify(login));
  const provider = {
    model: "gpt-5.3-codex",
    model_provider: "trunkline",
    "model_providers.trunkline.name": "OpenAI",
    "model_providers.trunkline.base_url": `${between.url}/v1`,
    "model_providers.trunkline.requires_openai_auth": true,
    "model_providers.trunkline.wire_api": "responses",
    chatgpt_base_url: `${between.url}/chatgpt`,
  };
  const overrides = Object.entries(provider).flatMap(([key, value]) => ["-c", `${key}=${JSON.stringify(value)}`]);
  const { code, stdout, stderr } = await machine.run("codex", [...EXEC, ...overrides, "Hello"], { NO_PROXY: "127.0.0.1" });
  await between.stop();

  assert.equal(code, 0, stderr);
  assert.ok(stdout.includes(ANSWER), stdout);
  const [sent] = between.requests.filter((request) => request.url === "/v1/responses");
  assert.equal(sent.headers["content-encoding"], "zstd");
  const [arrived] = (await simulator.requests()).filter((request) => request.path.endsWith("/responses"));
  assert.equal(JSON.parse(arrived.body).model, "gpt-5.3-codex");
  assert.ok(arrived.body.length > 2 * sent.bytes, `${arrived.body.length} bytes from ${sent.bytes}`);
});

// The built-in provider tries a WebSocket first; the gateway's answer makes it ask over HTTP at once.
test("no WebSocket", async () => {
  const overrides = [`openai_base_url="${gateway.v1}"`, 'model="gpt-5.3-codex"'].flatMap((each) => ["-c", each]);
  const variables = { CODEX_API_KEY: MASTER_KEY, NO_PROXY: "127.0.0.1" };
  const { code, stdout } = await machine.run("codex", [...EXEC, ...overrides, "Hello"], variables);
  assert.equal(code, 0, stdout);
  assert.ok(stdout.includes(ANSWER), stdout);
  assert.ok(!stdout.includes("Reconnecting") && !stdout.includes("Falling back"), stdout);
});

test("lines that a shell evaluates", async () => {
  const flags = `--url ${gateway.url} --model openai/gpt-5.3-codex`;
  const script = `eval "$("$TRUNKLINE_BIN" codex ${flags})" && codex "$@" Hello`;
  const variables = { TRUNKLINE_BIN: process.env.TRUNKLINE_BIN };
  const { code, stdout } = await machine.run("sh", ["-c", script, "sh", ...EXEC], variables);
  assert.ok(stdout.includes(ANSWER), stdout);
  assert.equal(code, 0);
});
