"""Who we are to a server: files that the operator names, looked at each time git runs, so new ones need no restart.

`WINSLOW_TOKEN_FILE` holds `token` or `user:token` on its first line, for http and https. `WINSLOW_SSH_CONFIG` takes the
place of `~/.ssh/config`. Without them git and ssh go by their own configuration.
"""

import os
import re
import shlex
from collections.abc import Mapping, Sequence
from urllib.parse import unquote

from state import urls

TOKEN, SSH = "WINSLOW_TOKEN_FILE", "WINSLOW_SSH_CONFIG"
_SSH = "ssh -oBatchMode=yes -oConnectTimeout=15 -oServerAliveInterval=15"
_HELPER = (
    '!f() { test "$1" = get || exit 0; line=; IFS= read -r line <"$' + TOKEN + '"; '
    'case "$line" in *:*) user=${line%%:*};; *) user=git;; esac; '
    'printf "username=%s\\npassword=%s\\n" "$user" "${line#*:}"; }; f'
)
"""It only reads: `git credential-store` would take a token that was refused once out of its file."""
_SERVER = re.compile(r"(https?://)(?:[^/@]*@)?([^/?#]+)")


def settings(url: str) -> Sequence[str]:
    """Arguments of git. The token is for this one server: not for another one that it sends us on to."""
    server = _SERVER.match(url)
    if server is None or not os.environ.get(TOKEN):
        return ()
    return ("-c", "credential.helper=", "-c", f"credential.{server[1]}{server[2]}.helper={_HELPER}")


def environment() -> Mapping[str, str]:
    config = os.environ.get(SSH)
    return {"GIT_SSH_COMMAND": f"{_SSH} -F {shlex.quote(config)}" if config else _SSH}


def without_secrets(text: str, url: str) -> str:
    """What git complained of, without what the URL should not have held."""
    for secret in sorted(urls.secrets(url), key=len, reverse=True):
        for form in {secret, unquote(secret)}:
            text = text.replace(form, "…")
    return text
