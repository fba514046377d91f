"""What an SDK puts on the wire, and what of it reached the upstream."""

import base64


class Wire:
    """The bodies that a client sends, in order, as bytes, and the headers beside them."""

    def __init__(self):
        self.sent = []
        self.headers = []

    def hooks(self):
        """What makes an HTTP client of httpx, or of its successor, write them down."""

        def note(request):
            self.sent.append(request.read())
            self.headers.append(request.headers)

        return {"request": [note]}


def received(simulator, index=-1):
    """The body that the upstream got, as bytes."""
    return base64.b64decode(simulator.requests()[index]["body_base64"])


def header(simulator, name, index=-1):
    """A header that the upstream got, or nothing."""
    return dict(simulator.requests()[index]["headers"]).get(name)
