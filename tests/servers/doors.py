"""Proxies with https before the page, by the configurations of the documents, with names, ports and paths of a test."""

import subprocess
from collections.abc import Callable, Iterator
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


def nginx(folder: Path, port: int, page: int) -> Started:
    config = folder / "nginx.conf"
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    places = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in kinds)
    head = f"daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log;\nevents {{}}\nhttp {{ access_log off;\n"
    config.write_text(f"{head}{places}{told('nginx.conf', folder, port, page)}}}\n")
    return [found("nginx")[0], "-c", str(config), "-p", str(folder)]


def apache(folder: Path, port: int, page: int) -> Started:
    config, modules = folder / "apache.conf", "/usr/lib/apache2/modules"
    names = ("mpm_event", "authz_core", "ssl", "socache_shmcb", "headers", "proxy", "proxy_http")
    load = "".join(f"LoadModule {each}_module {modules}/mod_{each}.so\n" for each in names)
    head = f"ServerRoot {folder}\nPidFile {folder}/apache.pid\nErrorLog {folder}/error.log\nListen 127.0.0.1:{port}\n"
    config.write_text(f"{load}{head}ServerName localhost\n{told('apache.conf', folder, port, page)}")
    return [found("apache2")[0], "-f", str(config), "-D", "FOREGROUND"]


def haproxy(folder: Path, port: int, page: int) -> Started:
    config = folder / "haproxy.cfg"
    config.write_text(told("haproxy.cfg", folder, port, page))
    return [found("haproxy")[0], "-f", str(config), "-db"]


def caddy(folder: Path, port: int, page: int) -> Started:
    config = folder / "Caddyfile"
    config.write_text("{\n\tadmin off\n\tauto_https off\n}\n" + told("Caddyfile", folder, port, page))
    return [found("caddy")[0], "run", "--adapter", "caddyfile", "--config", str(config)]


PROXIES: dict[str, Callable[[Path, int, int], Started]] = {
    "nginx": nginx, "apache": apache, "haproxy": haproxy, "caddy": caddy,
}  # fmt: skip


@contextmanager
def door(name: str, folder: Path, port: int, page: int) -> Iterator[None]:
    """A proxy in front of the page's port, until the end of the block."""
    program = Program(PROXIES[name](folder, port, page), folder / f"{name}.log", lambda: answers(port))
    try:
        yield
    finally:
        program.end()
