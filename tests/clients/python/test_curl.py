"""The shell programs of `tests/clients/curl`, each run as it stands."""

import os
import subprocess
from pathlib import Path

import pytest

from programs import MASTER_KEY

FOLDER = Path(__file__).resolve().parent.parent / "curl"
SCRIPTS = sorted(path for path in FOLDER.glob("*.sh") if path.name != "expect.sh")
# Those that ask more than chat completions and embeddings.
DIALECTS = ("messages", "more-operations", "responses")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_curl(request, simulator, script):
    gateway = request.getfixturevalue("dialects" if script.stem in DIALECTS else "gateway")
    variables = {"URL": gateway.url, "KEY": MASTER_KEY, "SIMULATOR": simulator.url, "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        ["bash", script], env=os.environ | variables, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
