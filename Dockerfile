# The worker and every other command of Durazzo: the checkout, installed by the pinned constraints.
FROM python:3.11.14-slim-bookworm

ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    DURAZZO_STATE_FOLDER=/tmp/durazzo

WORKDIR /opt/durazzo
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin durazzo

COPY . .
RUN pip install --constraint constraints.txt --editable .

USER 10001
STOPSIGNAL SIGTERM
ENTRYPOINT ["durazzo"]
CMD ["worker"]
