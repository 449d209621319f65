# Winslow itself, for a node: docker build -t winslow/node:1 .   How to start it: docs/operating.md, "A node as a container".
# Without internet: any base with Python 3.11, pip, git and ssh by BASE; wheels of all that pyproject.toml names
# (and of hatchling) in wheels/, with --build-arg PIP_NO_INDEX=1.
ARG BASE=python:3.11-slim

FROM ${BASE} AS build
ARG PIP_NO_INDEX=
ENV PIP_FIND_LINKS=/wheels PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
COPY pyproject.toml wheels* /wheels/
COPY . /source
RUN python -m venv --without-pip /opt/winslow \
 && python -m pip wheel --no-cache-dir --no-deps --wheel-dir /built /source \
 && python -m pip --python /opt/winslow/bin/python install --no-cache-dir "$(echo /built/*.whl)[node]" \
 && /opt/winslow/bin/python -m compileall -q /opt/winslow

FROM ${BASE}
RUN { command -v git && command -v ssh; } >/dev/null || { \
      apt-get update -qq && apt-get install -y -qq --no-install-recommends ca-certificates git openssh-client && rm -rf /var/lib/apt/lists/*; }
COPY --from=build /opt/winslow /opt/winslow
ENV PATH=/opt/winslow/bin:${PATH} PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOME=/root
WORKDIR /root
ENTRYPOINT ["winslowctl"]
CMD ["--help"]
