"""An OpenID provider as GitLab is one, real enough that the page's client checks everything it checks of GitLab."""

import base64
import hashlib
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlencode

import uvicorn
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

CLIENT, SECRET = "winslow", "the client's secret"


@dataclass
class Provider:
    """`person` is who is logged in there; `lie` changes the claims of id tokens, `signing` who signs them."""

    port: int = 0
    scheme: str = "http"
    person: dict[str, Any] = field(default_factory=dict)
    lie: dict[str, Any] = field(default_factory=dict)
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "k", "use": "sig", "alg": "RS256"}))
    signing: RSAKey | None = None
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)

    @property
    def issuer(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def metadata(self, request: Request) -> Response:
        ends = {f"{name}_endpoint": f"{self.issuer}/{name}" for name in ("authorization", "token", "userinfo")}
        return JSONResponse({
            "issuer": self.issuer, **ends, "jwks_uri": f"{self.issuer}/keys", "response_types_supported": ["code"],
            "subject_types_supported": ["public"], "id_token_signing_alg_values_supported": ["RS256"],
            "code_challenge_methods_supported": ["S256"],
        })  # fmt: skip

    def keys(self, request: Request) -> Response:
        return JSONResponse({"keys": [self.key.as_dict(private=False)]})

    def authorization(self, request: Request) -> Response:
        asked = dict(request.query_params)
        assert asked["client_id"] == CLIENT
        assert asked["code_challenge_method"] == "S256"
        code = secrets.token_hex(8)
        self.codes[code] = asked
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}")

    async def token(self, request: Request) -> Response:
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        asked = self.codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if asked is None or challenge != asked["code_challenge"] or form["redirect_uri"] != asked["redirect_uri"]:
            self.refused.append("grant")
            return JSONResponse({"error": "invalid_grant"}, 400)
        if not self._knows_secret(request):
            self.refused.append("client")
            return JSONResponse({"error": "invalid_client"}, 401)
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT, "sub": "7", "iat": now, "exp": now + 60, "nonce": asked["nonce"]}
        key = self.signing or self.key
        signed = jwt.encode({"alg": "RS256", "kid": key.kid}, claims | self.lie, key)
        return JSONResponse({"access_token": "a", "token_type": "Bearer", "id_token": signed})

    @staticmethod
    def _knows_secret(request: Request) -> bool:
        """As Authlib writes it: both halves form-encoded before base64."""
        kind, _, text = request.headers.get("authorization", "").partition(" ")
        name, _, secret = base64.b64decode(text or b"").decode().partition(":")
        return kind == "Basic" and (unquote_plus(name), unquote_plus(secret)) == (CLIENT, SECRET)

    def userinfo(self, request: Request) -> Response:
        return JSONResponse({"sub": "7", **self.person})


@contextmanager
def provider(certificates: Path | None = None) -> Iterator[Provider]:
    """With https where there is a folder with cert.pem and key.pem."""
    made = Provider(scheme="https" if certificates else "http")
    tls = {"ssl_certfile": certificates / "cert.pem", "ssl_keyfile": certificates / "key.pem"} if certificates else {}
    app = Starlette(
        routes=[
            Route("/.well-known/openid-configuration", made.metadata),
            Route("/keys", made.keys),
            Route("/authorization", made.authorization),
            Route("/token", made.token, methods=["POST"]),
            Route("/userinfo", made.userinfo),
        ]
    )
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", **tls))  # type: ignore[arg-type]
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    made.port = server.servers[0].sockets[0].getsockname()[1]
    yield made
    server.should_exit = True
    thread.join(10)
