"""Git over smart HTTP: nginx, fcgiwrap and git's own backend, with basic authentication."""

import os
from pathlib import Path

from tests.servers.programs import Program, answers, found, free_port

USER, PASSWORD = "node", "s3cret-t0ken"
CONFIG = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log; {user}
events {{}}
http {{
  access_log {folder}/access.log;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port};
    client_max_body_size 0;
    auth_basic git; auth_basic_user_file {folder}/users;
    location / {{
      fastcgi_pass unix:{folder}/cgi.sock;
      fastcgi_param SCRIPT_FILENAME {backend};
      fastcgi_param GIT_PROJECT_ROOT {root};
      fastcgi_param GIT_HTTP_EXPORT_ALL 1;
      fastcgi_param GIT_PROTOCOL $http_git_protocol;
      fastcgi_param REMOTE_USER $remote_user;
      fastcgi_param PATH_INFO $uri;
      fastcgi_param PATH {path};
      fastcgi_param QUERY_STRING $query_string;
      fastcgi_param REQUEST_METHOD $request_method;
      fastcgi_param CONTENT_TYPE $content_type;
      fastcgi_param CONTENT_LENGTH $content_length;
    }}
  }}
}}
"""


class HttpServer:
    """Serves every repository below `root`. `admit` says who may; `token` is the file that a client is given."""

    def __init__(self, folder: Path, root: Path) -> None:
        nginx, fcgiwrap, backend = found("nginx", "fcgiwrap", "git-http-backend")
        folder.mkdir()
        self.folder, self.root, self.port = folder, root, free_port()
        self.token = folder / "token"
        self.admit(PASSWORD)
        self.give(PASSWORD)
        user = "user root;" if os.getuid() == 0 else ""
        path = os.environ["PATH"]
        (folder / "nginx.conf").write_text(CONFIG.format(**vars(self), backend=backend, user=user, path=path))
        socket = folder / "cgi.sock"
        self.cgi = Program([fcgiwrap, "-c", "4", "-s", f"unix:{socket}"], folder / "cgi.log", socket.exists)
        command = [nginx, "-p", str(folder), "-c", str(folder / "nginx.conf")]
        self.nginx = Program(command, folder / "nginx.log", lambda: answers(self.port))

    def admit(self, password: str) -> None:
        """From now on only this password is taken."""
        fresh = self.folder / "users.new"
        fresh.write_text(f"{USER}:{{PLAIN}}{password}\n")
        fresh.rename(self.folder / "users")

    def give(self, password: str) -> None:
        """From now on clients have this one."""
        self.token.write_text(f"{USER}:{password}\n")

    def url(self, repository: Path, port: int | None = None) -> str:
        """Also at another port: that of a proxy."""
        return f"http://127.0.0.1:{port or self.port}/{repository.relative_to(self.root)}"

    def requests(self) -> list[str]:
        """What was asked of it, one line each."""
        log = self.folder / "access.log"
        return log.read_text().splitlines() if log.exists() else []

    def end(self) -> None:
        self.nginx.end()
        self.cgi.end()
