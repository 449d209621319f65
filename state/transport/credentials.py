"""Who we are to a server: files that the operator names, looked at each time git runs, so new ones need no restart.

`WINSLOW_TOKEN_FILE` holds `token` or `user:token` on its first line that is not blank, for http and https.
`WINSLOW_SSH_CONFIG` takes the place of `~/.ssh/config`. Without them git and ssh go by their own configuration. What
people set for git, for curl or for Python to trust a certificate or to go through a proxy counts for git, too.
"""

import os
import re
import shlex
from collections.abc import Mapping, Sequence
from urllib.parse import unquote

from state.transport import urls

TOKEN, SSH = "WINSLOW_TOKEN_FILE", "WINSLOW_SSH_CONFIG"
_SSH = "ssh -oBatchMode=yes -oConnectTimeout=15 -oServerAliveInterval=15"
_HELPER = (
    '!f() { test "$1" = get || exit 0; file=$' + TOKEN + "; line=; bom=$(printf '\\357\\273\\277'); "
    'test -f "$file" -a -r "$file" || { echo "the token file $file cannot be read: see ' + TOKEN + '" >&2; exit 1; }; '
    'while IFS= read -r line || test -n "$line"; do '
    'line=${line#"$bom"}; line=${line#"${line%%[![:space:]]*}"}; line=${line%"${line##*[![:space:]]}"}; '
    'test -z "$line" || break; done <"$file"; '
    'test -n "$line" || { echo "the token file $file holds no token" >&2; exit 1; }; '
    'case "$line" in *:*) user=${line%%:*};; *) user=git;; esac; '
    'printf "username=%s\\npassword=%s\\n" "$user" "${line#*:}"; }; f'
)
"""It only reads: `git credential-store` would take a token that was refused once out of its file. A byte order mark,
blank lines before it and blanks around it are an editor's."""
PASSED = (
    "GIT_SSL_CAINFO", "GIT_SSL_CAPATH", "GIT_SSL_CERT", "GIT_SSL_KEY", "GIT_SSL_NO_VERIFY", "GIT_CONFIG_GLOBAL",
    "GIT_HTTP_PROXY_AUTHMETHOD", "SSL_CERT_DIR", "KRB5CCNAME",
)  # fmt: skip
PROXIES = tuple(
    name for word in ("http_proxy", "https_proxy", "all_proxy", "no_proxy") for name in (word, word.upper())
)
AUTHORITIES = ("SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE")
"""Files of certificates to trust, as Python, curl and requests take them: a git with GnuTLS looks at none of them."""
BY_REQUESTS = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_SERVER = re.compile(r"(https?://)(?:[^/@]*@)?([^/?#]+)")


def settings(url: str) -> Sequence[str]:
    """Arguments of git. The token is for this one server: not for another one that it sends us on to."""
    server = _SERVER.match(url)
    if server is None or not os.environ.get(TOKEN):
        return ()
    return ("-c", "credential.helper=", "-c", f"credential.{server[1]}{server[2]}.helper={_HELPER}")


def environment() -> Mapping[str, str]:
    config = os.environ.get(SSH)
    kept = {name: os.environ[name] for name in (*PASSED, *PROXIES) if os.environ.get(name)}
    authority = _first(AUTHORITIES)
    if authority and "GIT_SSL_CAINFO" not in kept:
        kept["GIT_SSL_CAINFO"] = authority
    return {**kept, "GIT_SSH_COMMAND": f"{_SSH} -F {shlex.quote(config)}" if config else _SSH}


def trust_alike() -> None:
    """For this process: whom git trusts, the library `requests` trusts too: by itself it looks at two alone."""
    authority = _first((*AUTHORITIES, "GIT_SSL_CAINFO"))
    if authority and not _first(BY_REQUESTS):
        os.environ[BY_REQUESTS[0]] = authority


def authority_variable() -> str:
    """The one that counts for `requests` here, or would."""
    return next((name for name in (*BY_REQUESTS, *AUTHORITIES) if os.environ.get(name)), AUTHORITIES[0])


def _first(names: Sequence[str]) -> str:
    return next((os.environ[name] for name in names if os.environ.get(name)), "")


def without_secrets(text: str, url: str) -> str:
    """What git complained of, without what the URL should not have held."""
    known = urls.secrets(url).union(*(urls.secrets(os.environ.get(name, "")) for name in PROXIES))
    for secret in sorted(known, key=len, reverse=True):
        for form in {secret, unquote(secret)}:
            text = text.replace(form, "…")
    return text
