// The two programs under test: starting them on free ports, reading what they print, stopping them.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const UPSTREAM_KEY = "vck_client_suite_8d21c04be97f5a36";
const SECOND_UPSTREAM_KEY = "vck_client_suite_second_5b7e90d13c6f2a48";
export const MASTER_KEY = "sk-client-suite-3f9c1e7a5b2d4860";

const START_MS = 20_000;
const STOP_MS = 20_000;
const POLL_MS = 10;

function binary(variable) {
  const path = process.env[variable];
  if (!path) throw new Error(`${variable} is not set; \`./tests/run clients\` sets it`);
  return path;
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// A running program; what it prints is kept.
class Program {
  constructor(name, command, flags, environment) {
    this.name = name;
    this.output = "";
    // Nothing of the caller's environment but what every program needs: a key or a proxy there would count.
    const { PATH, HOME } = process.env;
    const env = { PATH, HOME, ...environment };
    this.process = spawn(command, flags, { env, stdio: ["ignore", "pipe", "pipe"] });
    this.closed = new Promise((resolve, reject) => {
      this.process.on("error", reject);
      this.process.on("close", (code, signal) => resolve({ code, signal }));
    });
    for (const stream of [this.process.stdout, this.process.stderr]) {
      stream.setEncoding("utf8");
      stream.on("data", (text) => {
        this.output += text;
      });
    }
  }

  // Waits until it has printed what matches, and gives the first group.
  async printed(pattern) {
    const deadline = Date.now() + START_MS;
    while (Date.now() < deadline && this.process.exitCode === null) {
      const match = pattern.exec(this.output);
      if (match) return match[1];
      await pause(POLL_MS);
    }
    this.process.kill("SIGKILL");
    throw new Error(`${this.name} did not print ${pattern}; it printed:\n${this.output}`);
  }

  // Waits until a URL answers 200.
  async answers(url) {
    const deadline = Date.now() + START_MS;
    while (Date.now() < deadline) {
      const reply = await fetch(url).catch(() => undefined);
      await reply?.body?.cancel();
      if (reply?.status === 200) return;
      await pause(POLL_MS);
    }
    this.process.kill("SIGKILL");
    throw new Error(`${this.name}: ${url} does not answer; it printed:\n${this.output}`);
  }

  // Asks it to stop, and gives how it ended.
  async stop() {
    const late = setTimeout(() => this.process.kill("SIGKILL"), STOP_MS);
    this.process.kill("SIGTERM");
    const ended = await this.closed;
    clearTimeout(late);
    return ended;
  }
}

// `vercel-simulator`, with the control plane by which a test drives it and asks what it saw.
class Simulator extends Program {
  static async start() {
    const simulator = new Simulator("vercel-simulator", binary("SIMULATOR_BIN"), [], {});
    simulator.url = await simulator.printed(/^listening on (http:\/\/\S+)$/m);
    return simulator;
  }

  async control(command, body) {
    const how = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
    const reply = await fetch(`${this.url}/__sim/${command}`, how);
    assert.equal(reply.status, 200, `/__sim/${command} answered ${reply.status}`);
    return reply.json();
  }

  reset() {
    return this.control("reset", {});
  }

  fault(fault, rule = {}) {
    return this.control("fault", { faults: [fault], ...rule });
  }

  async requests() {
    return (await this.control("requests")).requests;
  }

  // The body of a request, as JSON; the last one's if none is named.
  async body(index = -1) {
    return JSON.parse((await this.requests()).at(index).body);
  }

  // The body of a request as bytes; the last one's if none is named.
  async bytes(index = -1) {
    return Buffer.from((await this.requests()).at(index).body_base64, "base64");
  }

  // Waits until a first request has come in.
  async received() {
    const deadline = Date.now() + START_MS;
    while ((await this.requests()).length === 0) {
      assert.ok(Date.now() < deadline, "no request came in");
      await pause(POLL_MS);
    }
  }

  // Waits until a request has ended, and gives it.
  ended(index = 0) {
    return this.control(`ended/${index}`);
  }
}

// `trunkline`, in front of a simulator.
class Gateway extends Program {
  static async start(simulator, config) {
    const file = fileURLToPath(new URL(`../configs/${config}`, import.meta.url));
    const flags = ["--config", file, "--host", "127.0.0.1", "--port", "0"];
    // Keys and the ledger are kept there: two programs cannot share a folder, and nobody's own is touched.
    const state = await mkdtemp(join(tmpdir(), "trunkline-state-"));
    const environment = {
      XDG_STATE_HOME: state,
      VERCEL_AI_GATEWAY_API_BASE: `${simulator.url}/v1`,
      VERCEL_AI_GATEWAY_API_KEY: UPSTREAM_KEY,
      SECOND_ACCOUNT_API_KEY: SECOND_UPSTREAM_KEY,
      SIMULATED_ANTHROPIC: `${simulator.url}/anthropic`,
      SIMULATED_OPENAI: `${simulator.url}/openai/v1`,
      LITELLM_MASTER_KEY: MASTER_KEY,
    };
    const gateway = new Gateway("trunkline", binary("TRUNKLINE_BIN"), flags, environment);
    gateway.state = state;
    gateway.secrets = [UPSTREAM_KEY, SECOND_UPSTREAM_KEY, MASTER_KEY];
    gateway.url = await gateway.printed(/^RUNNING on (http:\/\/\S+)$/m);
    gateway.v1 = `${gateway.url}/v1`;
    await gateway.answers(`${gateway.url}/health/readiness`);
    return gateway;
  }

  // Asks the management API for something, as the administrator.
  async manage(path, fields) {
    const headers = { authorization: `Bearer ${MASTER_KEY}`, "content-type": "application/json" };
    const reply = await fetch(`${this.url}${path}`, { method: "POST", headers, body: JSON.stringify(fields) });
    const body = await reply.json();
    assert.equal(reply.status, 200, `${path} answered ${JSON.stringify(body)}`);
    return body;
  }

  // Makes a virtual key, which must never be printed.
  async key(fields = {}) {
    const { key } = await this.manage("/key/generate", fields);
    this.secrets.push(key);
    return key;
  }
}

// Starts both, with one of the files of `configs`, and gives them with the way to stop them.
export async function start(config = "gateway.yaml") {
  const simulator = await Simulator.start();
  const gateway = await Gateway.start(simulator, config);
  const stop = async () => {
    const ended = await gateway.stop();
    await rm(gateway.state, { recursive: true });
    // It has nothing to put away, so the signal itself may end it.
    const { code, signal } = await simulator.stop();
    assert.deepEqual(ended, { code: 0, signal: null }, `trunkline did not end well; it printed:\n${gateway.output}`);
    assert.ok(code === 0 || signal === "SIGTERM", `vercel-simulator ended with ${code}`);
    for (const secret of gateway.secrets) {
      assert.ok(!gateway.output.includes(secret), "trunkline printed a key");
    }
  };
  return { simulator, gateway, stop };
}
