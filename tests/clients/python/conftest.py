"""Fixtures: the simulator, and Trunkline in front of it in the ways in which people start it."""

import os

import pytest

from management import Management
from programs import MASTER_KEY, OTHER_MASTER_KEY, SECOND_UPSTREAM_KEY, UPSTREAM_KEY, Gateway
from simulator import Simulator

# LiteLLM would fetch its price list, and LangChain report runs, where a variable tells them to.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
os.environ["LANGSMITH_TRACING"] = "false"
for name in list(os.environ):
    if name.upper().endswith("_PROXY") or name.startswith(("OPENAI_", "ANTHROPIC_", "CO_API_")):
        del os.environ[name]


@pytest.fixture(scope="session")
def running_simulator(tmp_path_factory):
    simulator = Simulator(tmp_path_factory.mktemp("simulator"))
    yield simulator
    simulator.stop_and_check()


@pytest.fixture
def simulator(running_simulator):
    """The simulator, as if it had just been started."""
    running_simulator.reset()
    return running_simulator


def started(name, tmp_path_factory, simulator, environment, config=None):
    variables = {"VERCEL_AI_GATEWAY_API_BASE": f"{simulator.url}/v1"} | environment
    gateway = Gateway(name, tmp_path_factory.mktemp(name), variables, config)
    yield gateway
    gateway.stop_and_check()


@pytest.fixture(scope="session")
def gateway(tmp_path_factory, running_simulator):
    """Trunkline with a file and a master key."""
    keys = {"VERCEL_AI_GATEWAY_API_KEY": UPSTREAM_KEY, "LITELLM_MASTER_KEY": MASTER_KEY}
    yield from started("gateway", tmp_path_factory, running_simulator, keys, "gateway.yaml")


@pytest.fixture
def management(gateway, simulator):
    """What makes keys at the gateway, and takes back those of one test."""
    management = Management(gateway)
    yield management
    management.forget()


@pytest.fixture(scope="session")
def page_gateway(tmp_path_factory, running_simulator):
    """Trunkline with the file of LiteLLM's page: no master key, so any key of a caller will do."""
    keys = {"VERCEL_AI_GATEWAY_API_KEY": UPSTREAM_KEY}
    yield from started("page-gateway", tmp_path_factory, running_simulator, keys, "page.yaml")


@pytest.fixture(scope="session")
def gateway_without_file(tmp_path_factory, running_simulator):
    """Trunkline without a file: every Vercel model, with the key of the environment."""
    keys = {"AI_GATEWAY_API_KEY": UPSTREAM_KEY}
    yield from started("gateway-without-file", tmp_path_factory, running_simulator, keys)


@pytest.fixture(scope="session")
def gateway_without_key(tmp_path_factory, running_simulator):
    """Trunkline without a file and without a key."""
    yield from started("gateway-without-key", tmp_path_factory, running_simulator, {})


def dialects_environment(simulator, master_key):
    return {
        "VERCEL_AI_GATEWAY_API_KEY": UPSTREAM_KEY,
        "SECOND_ACCOUNT_API_KEY": SECOND_UPSTREAM_KEY,
        "SIMULATED_ANTHROPIC": f"{simulator.url}/anthropic",
        "SIMULATED_OPENAI": f"{simulator.url}/openai/v1",
        "LITELLM_MASTER_KEY": master_key,
    }


@pytest.fixture(scope="session")
def dialects(tmp_path_factory, running_simulator):
    """Trunkline with deployments for every operation, at Vercel and at upstreams that speak each dialect."""
    environment = dialects_environment(running_simulator, MASTER_KEY)
    yield from started("dialects", tmp_path_factory, running_simulator, environment, "dialects.yaml")


@pytest.fixture(scope="session")
def dialects_of_another(tmp_path_factory, running_simulator):
    """The same for another caller: the same deployments, another key."""
    environment = dialects_environment(running_simulator, OTHER_MASTER_KEY)
    yield from started("dialects-of-another", tmp_path_factory, running_simulator, environment, "dialects.yaml")
