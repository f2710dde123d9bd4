# UNTRIED: nobody has built or run this image yet. What can be checked without a container engine is checked by
# tests/architecture/test_deploy_files.py; docs/deploy.md describes what each process needs.
#
#   docker build -t gatehouse .
#
# One image for every process: web (the default command), worker, beat and the migration step (compose.yaml).

ARG PYTHON_VERSION=3.13

# --- the packages, by the same scripts and the same lock as everywhere else -----------------------------------
FROM python:${PYTHON_VERSION}-slim AS packages

WORKDIR /gatehouse
COPY pyproject.toml ./
COPY requirements/uv.txt requirements/run.txt requirements/
COPY scripts/find-python scripts/make-venv scripts/install-lock scripts/
# Every download is checked against its hash; the bytecode is compiled once, here.
RUN sh scripts/make-venv /opt/venv \
    && UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_NO_CACHE=1 sh scripts/install-lock /opt/venv requirements/run.txt \
    && /opt/venv/bin/python -m pip uninstall --quiet --yes uv pip

# --- the application -----------------------------------------------------------------------------------------
FROM python:${PYTHON_VERSION}-slim

RUN groupadd --system --gid 10001 gatehouse \
    && useradd --system --uid 10001 --gid gatehouse --no-create-home --home-dir /nonexistent gatehouse

COPY --from=packages /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    GATEHOUSE_MODE=production

WORKDIR /gatehouse
COPY . .
# The files belong to root: the process that serves them cannot change them.
RUN scripts/with-production-settings python manage.py collectstatic --no-input --verbosity 0

USER 10001:10001
EXPOSE 8000
# Granian stops taking connections on SIGTERM and finishes what it has begun.
STOPSIGNAL SIGTERM

# The probe is answered in plain HTTP and asks for no host name that ALLOWED_HOSTS would have to list.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=2)"]

ENV GRANIAN_HOST=0.0.0.0 \
    GRANIAN_PORT=8000 \
    GRANIAN_WORKERS=2 \
    GRANIAN_BLOCKING_THREADS=4 \
    GRANIAN_WORKERS_KILL_TIMEOUT=30 \
    GRANIAN_RESPAWN_FAILED_WORKERS=true

CMD ["granian", "--interface", "wsgi", "--no-ws", "config.wsgi:application"]
