"""Proxies with https before the page, by the configurations of the documents, with names, ports and paths of a test."""

import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.servers.programs import Program, answers, found

CONFIGS = Path(__file__).parents[2] / "docs" / "proxies"
Started = list[str]


def certificate(folder: Path) -> Path:
    """cert.pem, key.pem and both.pem for localhost."""
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    key, cert = folder / "key.pem", folder / "cert.pem"
    command = [
        "openssl",
        "req",
        "-x509",
        *curve,
        "-nodes",
        "-days",
        "2",
        *names,
        "-keyout",
        str(key),
        "-out",
        str(cert),
    ]
    subprocess.run(command, check=True, capture_output=True)
    (folder / "both.pem").write_text(cert.read_text() + key.read_text())
    return cert


def told(name: str, folder: Path, port: int, page: int) -> str:
    """The documented configuration, for this machine."""
    text = (CONFIGS / name).read_text()
    changes = {
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl", "*:443": f"127.0.0.1:{port}",
        "bind :443": f"bind 127.0.0.1:{port}",
        "winslow.lan {": f"https://localhost:{port} {{", "winslow.lan": "localhost", "/etc/ssl/winslow": str(folder),
        "127.0.0.1:8484": f"127.0.0.1:{page}",
    }  # fmt: skip
    for documented, here in changes.items():
        text = text.replace(documented, here)
    return text


def nginx(folder: Path, port: int, text: str) -> Started:
    config = folder / "nginx.conf"
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    places = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in kinds)
    head = f"daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log;\nevents {{}}\nhttp {{ access_log off;\n"
    config.write_text(f"{head}{places}{text}}}\n")
    return [found("nginx")[0], "-c", str(config), "-p", str(folder)]


def apache(folder: Path, port: int, text: str) -> Started:
    config, modules = folder / "apache.conf", "/usr/lib/apache2/modules"
    names = ("mpm_event", "authz_core", "ssl", "socache_shmcb", "headers", "http2", "proxy", "proxy_http")
    load = "".join(f"LoadModule {each}_module {modules}/mod_{each}.so\n" for each in names)
    user = "User nobody\n" if os.getuid() == 0 else ""
    head = f"ServerRoot {folder}\nPidFile {folder}/apache.pid\nErrorLog {folder}/error.log\nListen 127.0.0.1:{port}\n"
    config.write_text(f"{load}{user}{head}ServerName localhost\n{text}")
    return [found("apache2")[0], "-f", str(config), "-D", "FOREGROUND"]


def haproxy(folder: Path, port: int, text: str) -> Started:
    config = folder / "haproxy.cfg"
    config.write_text(text)
    return [found("haproxy")[0], "-f", str(config), "-db"]


def caddy(folder: Path, port: int, text: str) -> Started:
    config = folder / "Caddyfile"
    config.write_text("{\n\tadmin off\n\tauto_https off\n}\n" + text)
    return [found("caddy")[0], "run", "--adapter", "caddyfile", "--config", str(config)]


PROXIES: dict[str, tuple[str, Callable[[Path, int, str], Started]]] = {
    "nginx": ("nginx.conf", nginx), "apache": ("apache.conf", apache), "haproxy": ("haproxy.cfg", haproxy),
    "caddy": ("Caddyfile", caddy),
}  # fmt: skip
INNER = """server {{
    listen 127.0.0.1:{port};
    location / {{
        proxy_pass http://127.0.0.1:{page};
        proxy_http_version 1.1;
        proxy_set_header Host $http_host;
        proxy_buffering off;
    }}
}}
"""
"""A second nginx, nearer to the page, that passes on what the documented one says."""


@contextmanager
def door(name: str, folder: Path, port: int, page: int, changed: Mapping[str, str] | None = None) -> Iterator[None]:
    """A proxy in front of the page's port, until the end of the block. `changed` is of its documented configuration."""
    file, start = PROXIES[name]
    text = told(file, folder, port, page)
    for documented, instead in (changed or {}).items():
        assert documented in text
        text = text.replace(documented, instead)
    program = Program(start(folder, port, text), folder / f"{name}.log", lambda: answers(port))
    try:
        yield
    finally:
        program.end()


@contextmanager
def inner_door(folder: Path, port: int, page: int) -> Iterator[None]:
    """The second of two nginx in a row."""
    program = Program(
        nginx(folder, port, INNER.format(port=port, page=page)), folder / "inner.log", lambda: answers(port)
    )
    try:
        yield
    finally:
        program.end()
