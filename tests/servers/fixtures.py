"""One server of each kind for a whole session; tests make repositories below their own folders."""

from collections.abc import Iterator

import pytest

from state.transport import credentials
from tests.servers.http import PASSWORD, HttpServer
from tests.servers.ssh import SshServer


@pytest.fixture(scope="session")
def http_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpServer]:
    server = HttpServer(tmp_path_factory.mktemp("http") / "server", tmp_path_factory.getbasetemp())
    yield server
    server.end()


@pytest.fixture(scope="session")
def ssh_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    server = SshServer(tmp_path_factory.mktemp("ssh") / "server")
    yield server
    server.end()


@pytest.fixture
def http(http_session: HttpServer, monkeypatch: pytest.MonkeyPatch) -> HttpServer:
    """Reached with its token, by this process and its children."""
    http_session.admit(PASSWORD)
    http_session.give(PASSWORD)
    monkeypatch.setenv(credentials.TOKEN, str(http_session.token))
    return http_session


@pytest.fixture
def ssh(ssh_session: SshServer, monkeypatch: pytest.MonkeyPatch) -> SshServer:
    """Reached with its key, by this process and its children."""
    ssh_session.authorise("key")
    monkeypatch.setenv(credentials.SSH, str(ssh_session.config))
    return ssh_session
