# The service by default, or with `--build-arg EXTRAS=all` everything, for workers that compute.
#   docker build -t pvkdb .
#   docker build -t pvkdb-worker --build-arg EXTRAS=all .
ARG PYTHON=3.11

FROM python:${PYTHON}-slim AS build
ARG EXTRAS=api,optimade,plot,rank,screening
WORKDIR /src
COPY . .
RUN python -m venv /opt/pvkdb
RUN /opt/pvkdb/bin/pip install --no-cache-dir ".[${EXTRAS}]" --constraint constraints.txt
RUN /opt/pvkdb/bin/pip check

FROM python:${PYTHON}-slim
RUN useradd --system --create-home --uid 10001 pvkdb \
    && install --directory --owner pvkdb --group pvkdb /srv/pvkdb-files
COPY --from=build /opt/pvkdb /opt/pvkdb
ENV PATH=/opt/pvkdb/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    OMP_NUM_THREADS=1 \
    PVKDB_LOG_FORMAT=json
USER pvkdb
WORKDIR /home/pvkdb
EXPOSE 8000
# pvkdb finishes requests in progress on SIGTERM; give it longer than PVKDB_SHUTDOWN_GRACE_S.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/livez', timeout=4)"]
ENTRYPOINT ["pvkdb"]
CMD ["serve", "--host", "0.0.0.0"]
