// Real coding agents, started as `trunkline claude --run` and `trunkline codex --run` start them: headless, each in a
// home of its own, with no way out of this machine.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import http from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { MASTER_KEY } from "../node/programs.mjs";

export const TOOL_SAYS = "from-the-tool";

const PROGRAMS = fileURLToPath(new URL("node_modules/.bin", import.meta.url));
const RUN_MS = 60_000;

// Keeps Claude Code from calling home.
export const QUIET = { CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1", DISABLE_AUTOUPDATER: "1" };

// Keeps Codex from calling home.
export const QUIET_CODEX = [
  "features.plugins=false",
  "analytics.enabled=false",
  'otel.metrics_exporter="none"',
  "check_for_update_on_startup=false",
].flatMap((override) => ["-c", override]);

// Stands where a proxy to the outside would: refuses everybody, and remembers who was asked for.
export class Outside {
  static async start() {
    const outside = new Outside();
    outside.asked = [];
    outside.server = http.createServer((request, response) => {
      outside.asked.push(request.url);
      response.writeHead(403).end();
    });
    outside.server.on("connect", (request, socket) => {
      outside.asked.push(request.url);
      socket.on("error", () => {});
      socket.end("HTTP/1.1 403 Forbidden\r\n\r\n");
    });
    outside.url = await listening(outside.server);
    return outside;
  }

  stop() {
    return closed(this.server);
  }
}

// Stands between an agent and the gateway: passes everything on, and remembers the headers and how large bodies were.
export class Between {
  static async start(gateway) {
    const between = new Between();
    between.requests = [];
    between.server = http.createServer((request, response) => {
      const { method, url, headers } = request;
      const noted = { method, url, headers, bytes: 0 };
      between.requests.push(noted);
      request.on("data", (piece) => {
        noted.bytes += piece.length;
      });
      const onwards = http.request(new URL(url, gateway.url), { method, headers }, (reply) => {
        response.writeHead(reply.statusCode, reply.headers);
        reply.pipe(response);
      });
      onwards.on("error", () => response.destroy());
      request.pipe(onwards);
    });
    between.url = await listening(between.server);
    return between;
  }

  stop() {
    return closed(this.server);
  }
}

async function listening(server) {
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${server.address().port}`;
}

async function closed(server) {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}

// A person's machine: a home, an empty folder to work in, and an environment.
export class Machine {
  static async start(gateway) {
    const machine = new Machine();
    machine.gateway = gateway;
    machine.folder = await mkdtemp(join(tmpdir(), "trunkline-agents-"));
    machine.home = join(machine.folder, "home");
    machine.work = join(machine.folder, "work");
    for (const folder of [machine.home, machine.work]) await mkdir(folder);
    machine.outside = await Outside.start();
    return machine;
  }

  // Nothing but what a program needs, the key, and a proxy that a company would have.
  environment(variables) {
    const proxy = this.outside.url;
    return {
      PATH: `${PROGRAMS}:${process.env.PATH}`,
      HOME: this.home,
      TRUNKLINE_API_KEY: MASTER_KEY,
      HTTP_PROXY: proxy,
      HTTPS_PROXY: proxy,
      ...variables,
    };
  }

  run(command, words, variables = {}) {
    return ended(command, words, { cwd: this.work, env: this.environment(variables) });
  }

  // `trunkline claude --run …`; the reply's last line, as JSON, is its result.
  async claude(model, words, variables = {}) {
    const flags = ["claude", "--url", this.gateway.url, "--model", model, "--run", ...words];
    const ran = await this.run(process.env.TRUNKLINE_BIN, flags, { ...QUIET, ...variables });
    const events = jsonLines(ran.stdout);
    return { ...ran, events, result: events.at(-1) };
  }

  // `trunkline codex --run exec …`, with its events.
  async codex(model, words, variables = {}) {
    const flags = ["codex", "--url", this.gateway.url, "--model", model];
    const agent = ["exec", "--skip-git-repo-check", "--json", ...QUIET_CODEX, ...words];
    const ran = await this.run(process.env.TRUNKLINE_BIN, [...flags, "--run", ...agent], variables);
    return { ...ran, ...turn(jsonLines(ran.stdout)) };
  }

  // Puts a file below the home.
  async put(path, text) {
    const whole = join(this.home, path);
    await mkdir(join(whole, ".."), { recursive: true });
    await writeFile(whole, text);
  }

  get(path) {
    return readFile(join(this.home, path), "utf8");
  }

  // Takes everything away, and holds that nobody tried to leave.
  async stop() {
    await this.outside.stop();
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5 });
    assert.deepEqual(this.outside.asked, [], "an agent called somebody outside");
  }
}

function ended(command, words, options) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, words, { ...options, stdio: ["ignore", "pipe", "pipe"], timeout: RUN_MS });
    const texts = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"]) {
      child[name].setEncoding("utf8");
      child[name].on("data", (text) => {
        texts[name] += text;
      });
    }
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code, signal, ...texts }));
  });
}

function jsonLines(text) {
  return text
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line));
}

// What happened in a turn of Codex, by what it is.
function turn(events) {
  const items = events.filter((event) => event.type === "item.completed").map((event) => event.item);
  const of = (type) => items.filter((item) => item.type === type);
  return {
    events,
    answers: of("agent_message").map((item) => item.text),
    commands: of("command_execution"),
    usage: events.find((event) => event.type === "turn.completed")?.usage,
    failure: events.find((event) => event.type === "turn.failed")?.error.message,
    reconnects: events.filter((event) => event.type === "error" && event.message.startsWith("Reconnecting")).length,
  };
}
