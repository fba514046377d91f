"""The Vercel AI Gateway simulator, and the control plane by which a test drives it and asks what it saw."""

import json
import signal
import urllib.request
from decimal import Decimal

from programs import Program, binary


class Simulator(Program):
    """`vercel-simulator`, on a free port."""

    def __init__(self, folder):
        super().__init__("vercel-simulator", [binary("SIMULATOR_BIN")], {}, folder)
        self.url = self.printed(r"^listening on (http://\S+)$")

    def stop_and_check(self):
        """Stops it. It has nothing to put away, so the signal itself may end it."""
        code = self.stop()
        assert code in (0, -signal.SIGTERM), f"{self.name} ended with {code}; it printed:\n{self.output()}"

    def control(self, command, body=None):
        """Sends one command; without a body it is a look-up."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/__sim/{command}", data=data)
        with urllib.request.urlopen(request, timeout=30) as response:
            return json.load(response)

    def reset(self):
        """Takes back every fault and forgets every request."""
        self.control("reset", {})

    def fault(self, fault, **rule):
        """Makes the next request go wrong, or those that the rule names."""
        self.control("fault", {"faults": [fault]} | rule)

    def requests(self):
        """The requests received since the last reset."""
        return self.control("requests")["requests"]

    def request(self):
        """The one request received since the last reset."""
        requests = self.requests()
        assert len(requests) == 1, f"expected one request upstream, there were {len(requests)}"
        return requests[0]

    def body(self, index=-1):
        """The body of a request, as JSON."""
        return json.loads(self.requests()[index]["body"])

    def ended(self, index=0):
        """Waits until a request has ended, and gives it."""
        return self.control(f"ended/{index}")

    def billed(self, index=-1):
        """What was billed for a request, in US dollars."""
        return Decimal(self.requests()[index]["billed"])
