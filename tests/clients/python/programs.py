"""The two programs under test: starting them on free ports, reading what they print, stopping them."""

import os
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

UPSTREAM_KEY = "vck_client_suite_8d21c04be97f5a36"
SECOND_UPSTREAM_KEY = "vck_client_suite_second_5b7e90d13c6f2a48"
MASTER_KEY = "sk-client-suite-3f9c1e7a5b2d4860"
OTHER_MASTER_KEY = "sk-client-suite-other-7c1d4e8a2f6b9035"
SECRETS = (UPSTREAM_KEY, SECOND_UPSTREAM_KEY, MASTER_KEY, OTHER_MASTER_KEY)

CONFIGS = Path(__file__).resolve().parent.parent / "configs"
START_SECONDS = 20
STOP_SECONDS = 20
POLL_SECONDS = 0.01


def binary(variable):
    """The program that an environment variable names."""
    path = os.environ.get(variable)
    if not path:
        raise RuntimeError(f"{variable} is not set; `./tests/run clients` sets it")
    return path


class Program:
    """A running program whose output goes to files, so that nothing of it is lost and nothing blocks."""

    def __init__(self, name, command, environment, folder):
        self.name = name
        self.stdout = folder / f"{name}.stdout"
        self.stderr = folder / f"{name}.stderr"
        # Nothing of the caller's environment but what every program needs: a key or a proxy there would count.
        inherited = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
        with self.stdout.open("wb") as stdout, self.stderr.open("wb") as stderr:
            self.process = subprocess.Popen(
                command, env=inherited | environment, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr
            )

    def output(self):
        """All that it has printed so far."""
        return self.stdout.read_text() + self.stderr.read_text()

    def printed(self, pattern):
        """Waits until it has printed what matches, and gives the first group."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if match := re.search(pattern, self.output(), re.MULTILINE):
                return match.group(1)
            if self.process.poll() is not None:
                break
            time.sleep(POLL_SECONDS)
        self.process.kill()
        raise RuntimeError(f"{self.name} did not print {pattern!r}; it printed:\n{self.output()}")

    def answers(self, url):
        """Waits until a URL answers 200."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(url, timeout=5) as response:
                    if response.status == 200:
                        return
            except (urllib.error.URLError, ConnectionError):
                time.sleep(POLL_SECONDS)
        self.process.kill()
        raise RuntimeError(f"{self.name}: {url} does not answer; it printed:\n{self.output()}")

    def stop(self):
        """Asks it to stop, and gives its exit code; negative where the signal itself ended it."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise


class Gateway(Program):
    """`trunkline`, with one of the files of `CONFIGS`, or with one anywhere, or with none."""

    def __init__(self, name, folder, environment, config=None, flags=()):
        command = [binary("TRUNKLINE_BIN"), "--host", "127.0.0.1", "--port", "0", *flags]
        if config:
            command += ["--config", str(CONFIGS / config)]
        # Keys and the ledger are kept there: two programs cannot share a folder, and nobody's own is touched.
        state = {"XDG_STATE_HOME": str(folder / f"{name}-state")}
        self.secrets = set(SECRETS)
        super().__init__(name, command, state | environment, folder)
        self.url = self.printed(r"^RUNNING on (http://\S+)$")
        self.v1 = f"{self.url}/v1"
        self.answers(f"{self.url}/health/readiness")

    def stop_and_check(self):
        """Stops it: it must end well, and have printed no key."""
        code = self.stop()
        assert code == 0, f"{self.name} ended with {code}; it printed:\n{self.output()}"
        for secret in self.secrets:
            assert secret not in self.output(), f"{self.name} printed a key"
