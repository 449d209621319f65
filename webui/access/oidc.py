"""Logging in by an OpenID provider, as GitLab: Authlib's client with PKCE, state and nonce.

Authlib and what it needs take 15 MB, so they are loaded only where there is a provider.
"""

import re
from typing import Any

from flask import Flask, request, session
from werkzeug.wrappers import Response

from state.transport.credentials import authority_variable, trust_alike
from webui.access.config import Oidc, PageConfig
from webui.access.sessions import Claims

_ADDRESS = re.compile(r"[!-9;=?A-~]{1,64}@[A-Za-z0-9.-]{1,253}")
BEGUN = "_state_provider_"
MOST_BEGUN = 4
"""What Authlib keeps of a login that has begun, in the session's cookie, and of how many."""
PATIENCE = 10.0
"""Seconds for each answer of the provider."""


class NotLoggedIn(Exception):
    """The text says why, without secrets."""


class Provider:
    """`url` is how people reach this page."""

    def __init__(self, site: Flask, config: Oidc, url: str) -> None:
        from authlib.integrations.flask_client import OAuth

        trust_alike()
        self.name, self._groups, self._back = config.name, config.groups, f"{url.rstrip('/')}/login/back"
        self._client = OAuth(site).register(
            "provider",
            client_id=config.client_id,
            client_secret=config.secret(),
            server_metadata_url=f"{config.issuer.rstrip('/')}/.well-known/openid-configuration",
            client_kwargs={
                "scope": config.scope,
                "code_challenge_method": "S256",
                "default_timeout": PATIENCE,
            },
        )

    def send(self) -> Response:
        """Where the provider asks the person. NotLoggedIn."""
        _forget_all_but(MOST_BEGUN - 1)
        return self._asked(lambda: self._client.authorize_redirect(self._back))  # type: ignore[no-any-return]

    def back(self) -> Claims:
        """Who came back from there. NotLoggedIn.

        What the address says counts only once it is clear that this browser had been sent there.
        """
        begun = f"{BEGUN}{request.args.get('state', '')}"
        if begun not in session:
            raise NotLoggedIn("this login was not begun in this browser, or long ago: begin anew")
        if error := request.args.get("error"):
            session.pop(begun)
            if error == "access_denied":
                raise NotLoggedIn(f"nobody was logged in: {self.name} says that it was cancelled, or is not allowed")
        return self._asked(lambda: self._claims(self._client.authorize_access_token()))  # type: ignore[no-any-return]

    def _asked(self, work: Any) -> Any:
        from authlib.integrations.base_client.errors import OAuthError
        from joserfc.errors import JoseError
        from requests import RequestException
        from requests.exceptions import SSLError

        try:
            return work()
        except OAuthError as error:
            raise NotLoggedIn(f"{self.name} refused: {error.description or error.error}"[:300]) from None
        except SSLError:
            text = f"the certificate of {self.name} is not trusted here: the file that {authority_variable()} names for"
            raise NotLoggedIn(f"{text} the page has to hold its authority") from None
        except (RequestException, JoseError, ValueError, KeyError, RuntimeError) as error:
            raise NotLoggedIn(f"{self.name} did not answer as it should ({type(error).__name__}); try again") from None

    def _claims(self, token: dict[str, Any]) -> Claims:
        info, signed = self._client.userinfo(token=token), token["userinfo"]
        if info.get("sub") != signed["sub"]:
            raise ValueError("the answer is about somebody else")
        said = {**info, **signed}
        address = str(said.get("email") or "") if said.get("email_verified") is True else ""
        address = address if _ADDRESS.fullmatch(address) else ""
        login = str(said.get("preferred_username") or said.get("nickname") or said["sub"])[:64]
        groups = said.get(self._groups) or said.get("groups_direct")
        names = [f"group:{group}" for group in (groups if isinstance(groups, list) else ()) if isinstance(group, str)]
        known = f"{_plain(str(said.get('name') or login))} <{address or 'unverified@winslow.invalid'}>"
        return Claims(_plain(login), known, tuple(([f"mail:{address}"] if address else []) + names))


def _forget_all_but(most: int) -> None:
    """Logins that were begun in this browser and never ended: all of them together would be too large a cookie."""
    begun = sorted((each for each in session if each.startswith(BEGUN)), key=lambda each: session[each].get("exp", 0))
    for each in begun[: max(0, len(begun) - most)]:
        session.pop(each)


def _plain(text: str) -> str:
    """As an author of commits may be called."""
    return "".join(each for each in text if each.isprintable() and each not in "<>")[:120].strip()


def provider(site: Flask, config: PageConfig, address: str) -> Provider | None:
    return Provider(site, config.oidc, config.url or address) if config.oidc else None
