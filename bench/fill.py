"""A prediction log that is long already: one real answer, as many times as asked for."""

from psycopg import sql

from bench.contenders import OURS
from bench.model import Stage
from bench.serving import free_port, serving
from cryptoml_site.embedded.server import Say

LOG = sql.Identifier(OURS.table)
_CHUNK = 500_000
# In the order of time, from the beginning of this month (the first that has a partition) until now.
_INSERT = sql.SQL(
    "INSERT INTO {log} ({columns}) SELECT {values} "
    "FROM generate_series({first}, {last}) AS n, (SELECT * FROM {log} LIMIT 1) AS answer, LATERAL (SELECT "
    "(now() - date_trunc('month', now(), 'UTC')) * (1 - n / {rows}::float8) AS ago)"
)


def fill(stage: Stage, *, rows: int, say: Say) -> None:
    """Ask ours once, and multiply its row; VACUUM and CHECKPOINT before anything is measured."""
    _ask_once(stage)
    for first in range(1, rows + 1, _CHUNK):
        last = min(first + _CHUNK - 1, rows)
        _insert(stage, first, last, rows)
        say(f"{last:,} of {rows:,} rows in the log")
    with stage.postgres.as_superuser() as connection:
        connection.execute("CHECKPOINT")
    with stage.database() as connection:
        connection.execute(sql.SQL("VACUUM (ANALYZE) {}").format(LOG))


def _ask_once(stage: Stage) -> None:
    port = free_port()
    question = OURS.question(stage, stage.mixtures(1, 1)[0])
    log = stage.home.logs / "fill.log"
    with serving(OURS.command(stage, port), env=OURS.environment(stage), log=log, port=port, question=question):
        pass  # its first 200 is the row


def _insert(stage: Stage, first: int, last: int, rows: int) -> None:
    """Every column as the answer has it, but for the id and the time."""
    new = {"id": sql.SQL("uuidv7(-ago)"), "made_at": sql.SQL("now() - ago")}
    with stage.database() as connection:
        described = connection.execute(sql.SQL("SELECT * FROM {} LIMIT 0").format(LOG)).description
        names = [column.name for column in described or []]
        connection.execute(
            _INSERT.format(
                log=LOG,
                columns=sql.SQL(", ").join(map(sql.Identifier, names)),
                values=sql.SQL(", ").join(new.get(name, sql.Identifier("answer", name)) for name in names),
                first=first,
                last=last,
                rows=rows,
            )
        )
