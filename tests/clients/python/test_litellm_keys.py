"""LiteLLM's own client of its management API, and its SDK with a virtual key, pointed at Trunkline."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from programs import MASTER_KEY

litellm = pytest.importorskip("litellm", reason="this environment holds the OpenAI SDK alone")

import requests
from litellm.proxy.client import Client
from litellm.proxy.client.exceptions import UnauthorizedError
from litellm.proxy.client.users import UsersManagementClient

HELLO = [{"role": "user", "content": "Hello"}]
MODEL = "gpt-4o-gateway"

# What LiteLLM answers, member by member, as its clients read it.
KEY_MEMBERS = {
    "aliases", "blocked", "budget_duration", "budget_reset_at", "created_at", "created_by", "expires", "key_alias",
    "key_name", "litellm_budget_table", "max_budget", "max_parallel_requests", "metadata", "model_max_budget", "models",
    "permissions", "rpm_limit", "spend", "team_id", "tpm_limit", "updated_at", "updated_by", "user_id",
}  # fmt: skip
TEAM_MEMBERS = {
    "blocked", "budget_duration", "budget_reset_at", "max_budget", "max_parallel_requests", "members_with_roles",
    "metadata", "models", "rpm_limit", "spend", "team_alias", "team_id", "tpm_limit",
}  # fmt: skip
ROW_MEMBERS = {
    "api_base", "api_key", "cache_hit", "cache_key", "call_type", "completionStartTime", "completion_tokens",
    "custom_llm_provider", "endTime", "end_user", "litellm_call_id", "metadata", "model", "model_group", "model_id",
    "prompt_tokens", "request_duration_ms", "request_id", "request_tags", "requester_ip_address", "session_id", "spend",
    "startTime", "status", "team_id", "total_tokens", "user",
}  # fmt: skip


@pytest.fixture
def client(gateway):
    return Client(gateway.url, MASTER_KEY)


@pytest.fixture
def users(gateway):
    return UsersManagementClient(gateway.url, MASTER_KEY)


@pytest.fixture
def team(client):
    """A team of its own for each test; its keys go with it."""
    team = client.http.request("POST", "/team/new", json={"team_alias": "herons", "models": [MODEL]})
    yield team
    client.http.request("POST", "/team/delete", json={"team_ids": [team["team_id"]]})


@pytest.fixture
def ann(users):
    ann = users.create_user({"user_email": "ann@example.org", "auto_create_key": False})
    yield ann["user_id"]
    assert users.delete_user([ann["user_id"]]) == 1


def ask(gateway, key, **options):
    options = {"model": f"litellm_proxy/{MODEL}", "messages": HELLO, "num_retries": 0} | options
    return litellm.completion(api_base=gateway.url, api_key=key, **options)


def refused(status, call, *arguments, **options):
    """Makes a call that must be refused with a status, and gives the body of the answer."""
    with pytest.raises(requests.exceptions.HTTPError) as caught:
        call(*arguments, **options)
    assert caught.value.response.status_code == status
    return caught.value.response.json()


def test_key_generate(client, management):
    made = client.keys.generate(models=[MODEL], aliases={"fast": MODEL}, duration="30d", key_alias="generated")
    management.note(made["key"])
    assert made["key"].startswith("sk-")
    assert made["key_name"] == f"sk-...{made['key'][-4:]}"
    assert len(bytes.fromhex(made["token"])) == 32
    assert made["token_id"] == made["token"]
    assert KEY_MEMBERS <= made.keys()
    assert (made["models"], made["aliases"], made["key_alias"]) == ([MODEL], {"fast": MODEL}, "generated")
    left = datetime.fromisoformat(made["expires"]) - datetime.now(UTC)
    assert timedelta(days=29) < left <= timedelta(days=30)


def test_key_info(client, gateway, management):
    key = management.key(key_alias="looked at", max_budget=1, metadata={"colour": "blue"})
    by_key = client.keys.info(key)
    assert by_key.keys() == {"key", "info"}
    info = by_key["info"]
    assert KEY_MEMBERS <= info.keys()
    assert not {"key", "token"} & info.keys()
    assert (info["key_alias"], info["max_budget"], info["metadata"]) == ("looked at", 1, {"colour": "blue"})
    assert (info["status"], info["spend"]) == ("active", 0)
    # By its token, and by itself without being named.
    token = client.keys.list(key_alias="looked at")["keys"][0]
    assert client.keys.info(token)["info"] == info
    assert Client(gateway.url, key).http.request("GET", "/key/info")["info"] == info

    answer = refused(404, client.keys.info, "sk-that-nobody-ever-made")
    assert answer["error"]["message"] == "Key not found in database"


def test_key_list(client, management):
    made = [management.key(key_alias=f"listed {number}") for number in range(3)]
    pages = [client.keys.list(page=page, size=2, return_full_object=True) for page in (1, 2)]
    for number, page in enumerate(pages, start=1):
        assert (page["total_count"], page["total_pages"], page["current_page"]) == (3, 2, number)
    aliases = {key["key_alias"] for page in pages for key in page["keys"]}
    assert aliases == {f"listed {number}" for number in range(3)}
    assert not any(key in str(pages) for key in made)


def test_key_update_and_delete(client, management):
    key = management.key(key_alias="before")
    assert client.keys.update(key, key_alias="after", models=[MODEL])["key_alias"] == "after"
    assert client.keys.info(key)["info"]["models"] == [MODEL]
    token = client.keys.list(key_alias="after")["keys"][0]
    assert client.keys.delete(key_aliases=["after"]) == {"deleted_keys": ["after"]}
    assert client.keys.info(token)["info"]["status"] == "deleted"


def test_user_new(gateway, users, management):
    made = users.create_user({"user_email": "eve@example.org", "user_role": "internal_user", "max_budget": 2})
    management.note(made["key"])
    assert KEY_MEMBERS | {"key", "user_email", "user_role", "teams"} <= made.keys()
    shown = users.get_user(made["user_id"])
    assert shown.keys() == {"user_id", "user_info", "keys", "teams"}
    assert (shown["user_info"]["user_email"], shown["user_info"]["max_budget"]) == ("eve@example.org", 2)
    assert [key["key_name"] for key in shown["keys"]] == [made["key_name"]]
    assert made["user_id"] in [user["user_id"] for user in users.list_users()]

    # The key is the user's: it makes keys for its user, and for nobody else.
    own = Client(gateway.url, made["key"])
    other = own.keys.generate(key_alias="eve's other")
    management.note(other["key"])
    assert other["user_id"] == made["user_id"]
    refused(403, own.keys.generate, user_id="somebody")
    with pytest.raises(UnauthorizedError):
        UsersManagementClient(gateway.url, made["key"]).create_user({"user_email": "mallory@example.org"})

    assert users.delete_user([made["user_id"]]) == 1
    with pytest.raises(litellm.AuthenticationError):
        ask(gateway, made["key"])


def test_team_new_and_member_add(client, gateway, management, team, ann, simulator):
    assert TEAM_MEMBERS <= team.keys()
    assert (team["team_alias"], team["models"], team["spend"]) == ("herons", [MODEL], 0)
    member = {"team_id": team["team_id"], "member": {"role": "user", "user_id": ann}, "max_budget_in_team": 0.0003}
    added = client.http.request("POST", "/team/member_add", json=member)
    assert TEAM_MEMBERS <= added.keys()
    assert [(each["role"], each["user_id"]) for each in added["members_with_roles"]] == [("user", ann)]
    again = refused(400, client.http.request, "POST", "/team/member_add", json=member)
    assert "already in team" in again["detail"]["error"]

    made = client.keys.generate(team_id=team["team_id"], user_id=ann)
    management.note(made["key"])
    shown = client.http.request("GET", "/team/info", params={"team_id": team["team_id"]})
    assert shown.keys() == {"team_id", "team_info", "keys", "team_memberships"}
    assert [key["key_name"] for key in shown["keys"]] == [made["key_name"]]
    [membership] = shown["team_memberships"]
    assert (membership["user_id"], membership["litellm_budget_table"]["max_budget"]) == (ann, 0.0003)
    assert team["team_id"] in [each["team_id"] for each in client.teams.list()]

    # The team's models hold for its keys, and what a member may spend in it.
    with pytest.raises(litellm.APIError) as caught:
        ask(gateway, made["key"], model="litellm_proxy/claude-4-sonnet-gateway")
    assert caught.value.status_code == 403
    for _ in range(2):
        ask(gateway, made["key"], max_tokens=11)
    with pytest.raises(litellm.BadRequestError) as caught:
        ask(gateway, made["key"], max_tokens=11)
    assert "Budget has been exceeded" in str(caught.value)
    assert len(simulator.requests()) == 2


def test_a_team_that_nobody_made(client):
    assert "detail" in refused(404, client.http.request, "GET", "/team/info", params={"team_id": "nobody's"})


def test_spend_logs(client, gateway, management, simulator):
    made = client.keys.generate(key_alias="spends")
    key = made["key"]
    management.note(key)
    ask(gateway, key, user="a customer", extra_body={"metadata": {"tags": ["nightly"]}})
    with pytest.raises(litellm.ServiceUnavailableError):
        ask(gateway, key, model="litellm_proxy/vercel_ai_gateway/sim/fault-unavailable")
    management.rows(key, 2)

    rows = client.http.request("GET", "/spend/logs", params={"api_key": made["token"]})
    failed, good = rows
    assert all(ROW_MEMBERS <= row.keys() for row in rows)
    assert [row["api_key"] for row in rows] == [made["token"]] * 2
    assert (failed["status"], good["status"]) == ("failure", "success")
    assert (good["prompt_tokens"], good["completion_tokens"], good["total_tokens"]) == (9, 11, 20)
    assert Decimal(str(good["spend"])) == simulator.billed(0)
    assert (good["model_group"], good["custom_llm_provider"]) == (MODEL, "vercel_ai_gateway")
    assert (good["end_user"], good["request_tags"]) == ("a customer", ["nightly"])
    assert key not in str(rows)

    one = client.http.request("GET", "/spend/logs", params={"request_id": good["request_id"]})
    assert one == [good]
    today = datetime.now(UTC).date()
    days = {"api_key": made["token"], "start_date": str(today), "end_date": str(today + timedelta(days=1))}
    [day] = client.http.request("GET", "/spend/logs", params=days)
    assert {"startTime", "spend", "users", "models"} <= day.keys()
    assert Decimal(str(day["spend"])) == Decimal(str(day["models"][MODEL])) == simulator.billed(0)
    # Whoever is no administrator sees what is its own.
    assert Client(gateway.url, key).http.request("GET", "/spend/logs") == rows


def test_the_sdk_s_exceptions(gateway, management, simulator):
    # The SDK has no exception of its own for 403, and makes one of 400 of 422.
    with pytest.raises(litellm.APIError) as caught:
        ask(gateway, management.key(models=["small-embedding"]))
    assert caught.value.status_code == 403
    limited = management.key(rpm_limit=1)
    ask(gateway, limited)
    with pytest.raises(litellm.RateLimitError):
        ask(gateway, limited)
    with pytest.raises(litellm.BadRequestError):
        ask(gateway, management.key(max_budget=0))
    blocked = management.key()
    management.post("/key/block", key=blocked)
    with pytest.raises(litellm.AuthenticationError):
        ask(gateway, blocked)
    assert len(simulator.requests()) == 1
