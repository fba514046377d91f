"""Virtual keys of a gateway, made and looked at over its management API."""

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from decimal import Decimal

from programs import MASTER_KEY

ROWS_SECONDS = 20
POLL_SECONDS = 0.05


class Management:
    """The management API, asked by the administrator."""

    def __init__(self, gateway):
        self.gateway = gateway
        self.keys = []

    def post(self, path, **fields):
        """What a request that must succeed is answered."""
        return self.asked(path, json.dumps(fields).encode())

    def get(self, path, **query):
        """The same, without a body."""
        return self.asked(f"{path}?{urllib.parse.urlencode(query)}")

    def asked(self, path, data=None):
        headers = {"authorization": f"Bearer {MASTER_KEY}", "content-type": "application/json"}
        request = urllib.request.Request(self.gateway.url + path, data=data, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as reply:
                # Money keeps every digit.
                return json.load(reply, parse_float=Decimal)
        except urllib.error.HTTPError as error:
            with error:
                raise AssertionError(f"{path} answered {error.status}: {error.read().decode()}") from error

    def key(self, **fields):
        """Makes a virtual key, which must never be printed, and gives it."""
        key = self.post("/key/generate", **fields)["key"]
        self.note(key)
        return key

    def note(self, key):
        """Takes down a key that was made otherwise."""
        self.gateway.secrets.add(key)
        self.keys.append(key)

    def info(self, key):
        """What is known of a key."""
        return self.get("/key/info", key=key)["info"]

    def rows(self, key, count):
        """The rows that the requests of a key left, the newest first, once so many have reached the store."""
        deadline = time.monotonic() + ROWS_SECONDS
        while len(rows := self.get("/spend/logs", api_key=key)) < count:
            assert time.monotonic() < deadline, f"{len(rows)} of {count} rows came"
            time.sleep(POLL_SECONDS)
        assert len(rows) == count
        return rows

    def forget(self):
        """Deletes the keys that are still there."""
        live = [key for key in self.keys if self.info(key)["status"] != "deleted"]
        if live:
            self.post("/key/delete", keys=live)
