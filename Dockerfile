# The program with Airflow, for docker-compose.yaml. The environment is the one of uv.lock, as on any other machine.

FROM python:3.11.14-slim-bookworm AS environment
ENV UV_PYTHON=/usr/local/bin/python3.11 \
    UV_PYTHON_DOWNLOADS=never \
    UV_LINK_MODE=copy \
    UV_COMPILE_BYTECODE=1
WORKDIR /opt/warehouse
# What decides the environment comes first, so that a change of the program does not install it anew.
COPY pyproject.toml uv.lock bootstrap.py ./
# bootstrap.py fetches the installer that uv.lock names, by its hash.
RUN python -c "import bootstrap; print(bootstrap.installer(bootstrap.ROOT, bootstrap.Platform.here()))" > /tmp/uv \
    && "$(cat /tmp/uv)" sync --frozen --no-dev --group postgres --no-install-project --no-progress
COPY README.md LICENSE ./
COPY include include
RUN "$(cat /tmp/uv)" sync --frozen --no-dev --group postgres --no-progress && rm -rf .uv

FROM python:3.11.14-slim-bookworm
# A user of its own, with a fixed number, so that volumes keep their owner from one image to the next.
RUN groupadd --gid 10001 warehouse \
    && useradd --uid 10001 --gid warehouse --create-home --shell /usr/sbin/nologin warehouse \
    && install -d -o warehouse -g warehouse -m 0755 /var/lib/warehouse /var/lib/airflow \
    && install -d -o warehouse -g warehouse -m 0700 \
        /var/lib/warehouse-key /var/lib/airflow/logs /var/lib/airflow/login
WORKDIR /opt/warehouse
COPY --from=environment /opt/warehouse /opt/warehouse
COPY dags dags
COPY dbt_project dbt_project
COPY expectations expectations
ENV PATH=/opt/warehouse/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    AIRFLOW_HOME=/var/lib/airflow \
    WAREHOUSE_HOME=/var/lib/warehouse \
    DO_NOT_TRACK=1 \
    DBT_SEND_ANONYMOUS_USAGE_STATS=false \
    GX_ANALYTICS_ENABLED=false \
    AIRFLOW__USAGE_DATA_COLLECTION__ENABLED=False
USER 10001:10001
