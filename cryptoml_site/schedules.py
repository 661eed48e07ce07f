"""What beat does by itself. The rows are made once; a person may change or disable them in the admin, which stays."""

from django.apps import apps

EVERY_MINUTE = {"minute": "*", "hour": "*", "day_of_month": "*", "month_of_year": "*", "day_of_week": "*"}
EVERY_HOUR = {**EVERY_MINUTE, "minute": "25"}
EVERY_DAY = {**EVERY_MINUTE, "minute": "10", "hour": "0"}
EVERY_MORNING = {**EVERY_MINUTE, "minute": "40", "hour": "0"}  # when the day's candles are there

SCHEDULES = {
    "follow the markets: candles, forecasts, outcomes": ("data.follow_markets", EVERY_MINUTE, 50),
    "fetch the candles that have closed": ("data.fetch_candles", EVERY_MINUTE, 50),
    "queue again the training runs of killed processes": ("data.sweep_training_runs", EVERY_MINUTE, 50),
    "retrain the models that are due by their policies": ("data.retrain_due", EVERY_MINUTE, 50),
    "forget the replies to idempotency keys after a day": ("data.forget_idempotent_replies", EVERY_HOUR, 3_000),
    "check every model for drift": ("monitoring.check_all_drift", EVERY_MORNING, 3_600),
    "look what is wrong, and open or close alerts": ("monitoring.watch", EVERY_MINUTE, 50),
    "send the alerts that wait to be told": ("monitoring.send_notifications", EVERY_MINUTE, 50),
    "count the minute that ended": ("data.roll_up", EVERY_MINUTE, 50),
    "forget minutes and hours that days hold, and old months of the log": ("data.forget_counts", EVERY_DAY, 3_600),
    "make the next months of the prediction log": ("data.ensure_partitions", EVERY_DAY, 3_600),
}


def ensure_schedules() -> None:
    """Each schedule: a name that people read, its task, when, and after how many seconds an undone message is void."""
    crontab = apps.get_model("django_celery_beat", "CrontabSchedule")
    periodic_task = apps.get_model("django_celery_beat", "PeriodicTask")
    for name, (task, when, seconds) in SCHEDULES.items():
        moment, _ = crontab.objects.get_or_create(**when, timezone="UTC")
        periodic_task.objects.get_or_create(
            task=task, defaults={"name": name, "crontab": moment, "expire_seconds": seconds}
        )
