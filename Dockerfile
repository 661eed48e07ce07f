# One image for web, worker, trainer and beat: they differ by their command (docker-compose.yml).
FROM python:3.11-slim

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt
COPY . .
RUN useradd --system --uid 10001 cryptoml && install -d -o cryptoml /data
USER cryptoml
ENV CRYPTOML_HOME=/data OMP_NUM_THREADS=1 MALLOC_ARENA_MAX=2
EXPOSE 8000
CMD exec granian --interface wsgi --host 0.0.0.0 --port 8000 --workers "${WEB_WORKERS:-2}" \
    --blocking-threads "${WEB_THREADS:-16}" --respawn-failed-workers --workers-kill-timeout 10 \
    cryptoml_site.wsgi:application
