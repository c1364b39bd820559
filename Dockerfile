# The service as an image: granian behind your own TLS proxy, as a user without rights.
#
#   docker build -t relapsed-all-cds .
#   docker run --rm --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges \
#     -p 127.0.0.1:8080:8080 -v "$PWD/trust.toml:/etc/relapsed-all-cds/trust.toml:ro" \
#     -e CDS_TRUST_FILE=/etc/relapsed-all-cds/trust.toml \
#     -e CDS_PUBLIC_URL=https://cds.example.org relapsed-all-cds
#
# compose.yaml and deploy/kubernetes put a proxy, PostgreSQL and Redis around it (docs/deploy.md).
# For a trial with the sample patients use `make run`: development mode answers its own machine alone.
# Who releases an image pins the base image by its digest.

FROM python:3.13-slim AS build
WORKDIR /build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_INPUT=1
COPY requirements.lock requirements-build.lock ./
RUN python -m venv /opt/build \
    && /opt/build/bin/pip install --require-hashes --no-deps -r requirements-build.lock \
    && python -m venv --without-pip /opt/service \
    && /opt/build/bin/pip --python /opt/service/bin/python \
    install --require-hashes --no-deps -r requirements.lock
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY relapse_model relapse_model
COPY fhir_mappings fhir_mappings
COPY cds_service cds_service
RUN /opt/build/bin/pip wheel --no-build-isolation --no-deps --no-index --wheel-dir dist . \
    && /opt/build/bin/pip --python /opt/service/bin/python install --no-deps --no-index dist/*.whl

FROM python:3.13-slim
COPY --from=build /opt/service /opt/service
# What all workers count is summed up in files of PROMETHEUS_MULTIPROC_DIR.
ENV PATH=/opt/service/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    CDS_MODE=production PROMETHEUS_MULTIPROC_DIR=/tmp/measures
RUN install -d -o 10001 -g 10001 /var/lib/relapsed-all-cds
# Where feedback and used tokens are kept, unless settings name PostgreSQL and Redis.
WORKDIR /var/lib/relapsed-all-cds
VOLUME /var/lib/relapsed-all-cds
USER 10001:10001
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=3s --start-period=10s CMD ["python", "-c", \
    "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/health/live', timeout=2)"]
# The server is arranged in cds_service/server.py, its workers and the rest by settings.
ENV HOST=0.0.0.0 PORT=8080
CMD ["python", "-m", "cds_service"]
