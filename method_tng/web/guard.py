"""What every request passes: whom it may come from, and what a browser may do with the answer.

A page of another site can make a browser send requests to a service on the loopback, under a name of its own
that points there (DNS rebinding) or as a picture.  So a host must be a literal address, localhost or a name
that was told, and a request that says it comes from another site is refused unless it opens the page.
"""

import ipaddress
from collections.abc import Collection
from typing import Any

from fastapi.responses import JSONResponse
from starlette.datastructures import Headers, MutableHeaders

OWN = "'self'"
POLICY = {
    "default-src": "'none'", "script-src": OWN, "style-src": OWN, "img-src": OWN, "media-src": OWN,
    "connect-src": OWN, "base-uri": "'none'", "form-action": "'none'", "frame-ancestors": "'none'",
}  # fmt: skip
SHIELD = {
    "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in POLICY.items()),
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Guard:
    """ASGI middleware.

    Args:
        app: what is guarded.
        names: host names the service answers to, besides localhost and literal addresses.
    """

    def __init__(self, app: Any, names: Collection[str] = ()) -> None:
        self.app, self.names = app, {"localhost", *(name.lower() for name in names)}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Refuses, or passes on and adds the headers of SHIELD to the answer."""

        async def shielded(message: Any) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(SHIELD)
            await send(message)

        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        fault = self._fault(Headers(scope=scope))
        if fault:
            status, code, message = fault
            answer = JSONResponse({"code": code, "message": message}, status)
            await answer(scope, receive, shielded)
            return
        await self.app(scope, receive, shielded)

    def _fault(self, headers: Headers) -> tuple[int, str, str] | None:
        host = headers.get("host", "")
        if not self._is_known(host):
            return 400, "bad_host", "this name is not served here; open the page by its address"
        elsewhere = headers.get("sec-fetch-site") == "cross-site"
        if elsewhere and headers.get("sec-fetch-mode") != "navigate":
            return 403, "cross_site", "another site may not ask this service"
        return None

    def _is_known(self, host: str) -> bool:
        name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
        if name.lower().rstrip(".") in self.names:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True
