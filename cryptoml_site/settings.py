"""Every setting; the environment is read here and nowhere else. Wrong or missing values stop the start."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from csp.constants import NONE

from cryptoml_site.checked_env import CheckedEnv
from cryptoml_site.embedded.home import Home
from cryptoml_site.embedded.secret import development_secret
from cryptoml_site.log_config import log_config
from cryptoml_site.production import refuse_unsafe

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
checked = CheckedEnv(os.environ)

CRYPTOML_HOME = Path(env.str("CRYPTOML_HOME", default=str(BASE_DIR / "var"))).resolve()
EMBEDDED = Home(CRYPTOML_HOME)

ENVIRONMENT = checked.choice("CRYPTOML_ENV", default="development", among=("development", "production"))
IN_PRODUCTION = ENVIRONMENT == "production"
DEBUG = checked.boolean("DEBUG", default=False)
SECRET_KEY = checked.secret("SECRET_KEY") or ("" if IN_PRODUCTION else development_secret(CRYPTOML_HOME))
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])  # those before: what they signed still holds
PUBLIC_URL = checked.origin("PUBLIC_URL")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
ALLOWED_HOSTS += [urlsplit(PUBLIC_URL).hostname] if PUBLIC_URL else []

INSTALLED_APPS = [
    "cryptoml_site.theme.ThemeConfig",  # before the admin, whose templates it replaces
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "unfold.contrib.simple_history",
    "cryptoml_site.theme.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "django_filters",
    "drf_standardized_errors",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_celery_beat",
    "simple_history",
    "axes",
    "cryptoml_site",
    "registry",
    "training",
    "predictions",
    "monitoring",
]

MIDDLEWARE = [
    "predictions.middleware.RecordResponses",
    "predictions.middleware.NameRequests",
    "predictions.middleware.TellAllowance",
    "cryptoml_site.plain_http.RefusePlainHttp",
    "django.middleware.security.SecurityMiddleware",
    "cryptoml_site.content_policy.ContentPolicy",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "simple_history.middleware.HistoryRequestMiddleware",
    "cryptoml_site.admin_errors.AdminErrors",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "cryptoml_site" / "templates"],  # before the theme's own
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

ROOT_URLCONF = "cryptoml_site.urls"

# One engine everywhere: Postgres and Valkey, our own embedded ones where no others are named.
DATABASES = {"default": checked.postgres("DATABASE_URL", default=EMBEDDED.database_url)}
DATABASES["default"]["CONN_MAX_AGE"] = 60
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DATABASES["default"].setdefault("OPTIONS", {}).setdefault("connect_timeout", 3)  # seconds; a stopped server lets in
# Who owns the tables and migrates them, so that the application's role cannot change the ledger; None: it owns all.
MIGRATE_DATABASE = checked.owner("MIGRATE_DATABASE_URL", of="DATABASE_URL", default=EMBEDDED.owner_url)
REDIS_URL = checked.valkey("REDIS_URL", default=EMBEDDED.redis_url)

# Safe to be reached by others. What stands before us ends TLS, so its word is taken, where TRUSTED_PROXIES says so.
TRUSTED_PROXIES = checked.whole_number("TRUSTED_PROXIES", default=0, least=0)
ALLOW_HTTP = checked.boolean("ALLOW_HTTP", default=False)
if IN_PRODUCTION:
    refuse_unsafe(
        debug=DEBUG,
        secret_key=SECRET_KEY,
        hosts=ALLOWED_HOSTS,
        databases={
            "DATABASE_URL": DATABASES["default"] if checked.given("DATABASE_URL") else None,
            "MIGRATE_DATABASE_URL": MIGRATE_DATABASE,
        },
        public_url=PUBLIC_URL,
        allow_http=ALLOW_HTTP,
    )
OVER_HTTPS = PUBLIC_URL.startswith("https://")
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL] if PUBLIC_URL else []
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = OVER_HTTPS
SECURE_SSL_HOST = urlsplit(PUBLIC_URL).netloc or None
SECURE_REDIRECT_EXEMPT = [r"^(api/v1/)?(health(/|$)|metrics$)"]  # asked by probes and Prometheus, behind the proxy
SECURE_HSTS_SECONDS = 31_536_000 if OVER_HTTPS else 0  # a year
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]  # subdomains and browsers' lists are the domain owner's
CONTENT_SECURITY_POLICY = {"DIRECTIVES": {"default-src": [NONE], "frame-ancestors": [NONE]}}  # JSON; content_policy.py
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]  # who guesses locks nobody out but themselves
AXES_CLIENT_IP_CALLABLE = "predictions.addresses.address_of_request"
AXES_LOCKOUT_CALLABLE = "cryptoml_site.locked_out.locked_out"
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_DISABLE_ACCESS_LOG = True  # sessions and the ledger say who was here
AXES_ENABLE_ADMIN = False  # cryptoml_site.admin has a page of our own
AXES_VERBOSE = False
AXES_SENSITIVE_PARAMETERS = ["username", "ip_address", "csrfmiddlewaretoken"]

LOG_FORMAT = checked.choice("CRYPTOML_LOG_FORMAT", default="auto", among=("auto", "json", "text"))
LOG_REQUESTS = checked.whole_number("CRYPTOML_LOG_REQUESTS", default=100, least=0)  # lines a second, of each process
LOG_REFUSED_BODIES = checked.boolean("LOG_REFUSED_BODIES", default=False)
LOG_FILES = checked.boolean("LOG_FILES", default=False)
LOGGING = log_config(LOG_FORMAT, EMBEDDED.logs if LOG_FILES else None)

# Celery. The database is the record of what was done (TrainingRun, Forecast, Outcome), so no results are kept; a task
# whose worker was killed is delivered again, and finds in the database what is left to do.
CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://").replace("?db=", "?virtual_host=")
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TASK_DEFAULT_QUEUE = "data"
CELERY_TASK_ROUTES = {
    "training.*": {"queue": "training"},
    "monitoring.*": {"queue": "monitoring"},
    "monitoring.send_to_channel": {"queue": "fetching"},  # receivers may be as slow
    "monitoring.ping_deadman": {"queue": "fetching"},
    "data.fetch_market": {"queue": "fetching"},  # a slow provider delays no forecast
}
CELERY_BEAT_SCHEDULER = "monitoring.workers.scheduler:BeatingScheduler"
CELERY_TIMEZONE = "UTC"
DJANGO_CELERY_BEAT_TZ_AWARE = True

# Mail, for alerts. Without a URL there is none: an attempt says so.
EMAIL_URL = checked.mail("EMAIL_URL")
EMAIL_TIMEOUT = 10  # seconds of each step
if EMAIL_URL:
    vars().update(environ.Env.email_url_config(EMAIL_URL))
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.str("ALERT_EMAIL_FROM", default="cryptoml@localhost")

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

LOGIN_REDIRECT_URL = "admin:index"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

LANGUAGE_CODE = "en"
FORMAT_MODULE_PATH = "cryptoml_site.formats"
TIME_ZONE = "UTC"
USE_TZ = True

UNFOLD = {
    "SITE_TITLE": "CryptoML",
    "SITE_HEADER": "CryptoML",
    "SITE_SUBHEADER": "what answers, and why",
    "SITE_SYMBOL": "candlestick_chart",
    "SITE_URL": "/docs",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": "cryptoml_site.admin.icon"}],
    "SHOW_VIEW_ON_SITE": False,
    "BORDER_RADIUS": "6px",
    "STYLES": ["cryptoml_site.admin.stylesheet"],
    "SCRIPTS": ["cryptoml_site.admin.script"],
    "DASHBOARD_CALLBACK": "monitoring.home.dashboard",
    "SIDEBAR": {"show_search": True, "navigation": "cryptoml_site.navigation.groups"},
    "COLORS": {  # Tailwind's blue
        "primary": {
            "50": "oklch(97% .014 254.6)",
            "100": "oklch(93.2% .032 255.6)",
            "200": "oklch(88.2% .059 254.1)",
            "300": "oklch(80.9% .105 251.8)",
            "400": "oklch(70.7% .165 254.6)",
            "500": "oklch(62.3% .214 259.8)",
            "600": "oklch(54.6% .245 262.9)",
            "700": "oklch(48.8% .243 264.4)",
            "800": "oklch(42.4% .199 265.6)",
            "900": "oklch(37.9% .146 265.5)",
            "950": "oklch(28.2% .091 267.9)",
        }
    },
}

STATIC_URL = "static/"
STATIC_ROOT = Path(env.str("CRYPTOML_STATIC_ROOT", default=str(CRYPTOML_HOME / "static")))  # images bring theirs
BUNDLES_BUCKET = checked.bucket("BUNDLES_URL")
BUNDLES_ENDPOINT = checked.url("BUNDLES_ENDPOINT")
BUNDLES_REGION = env.str("BUNDLES_REGION", default="")
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": CRYPTOML_HOME}},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    "bundles": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": CRYPTOML_HOME / "bundles"},
    },
}
if BUNDLES_BUCKET:
    STORAGES["bundles"] = {
        "BACKEND": "registry.bundle_bucket.BundleBucket",
        "OPTIONS": {
            "bucket_name": BUNDLES_BUCKET[0],
            "location": BUNDLES_BUCKET[1],
            "endpoint_url": BUNDLES_ENDPOINT or None,
            "region_name": BUNDLES_REGION or None,
        },
    }

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "predictions.authentication.ApiKeyAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["predictions.permissions.HasScope"],
    "DEFAULT_THROTTLE_CLASSES": ["predictions.throttling.KeyThrottle"],
    "DEFAULT_PARSER_CLASSES": ["cryptoml_site.api.parsers.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": [
        "cryptoml_site.api.renderers.OrjsonRenderer",
        "cryptoml_site.api.renderers.BrowsableRenderer",
    ],
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.PageNumberPagination",
    "PAGE_SIZE": 100,
    "DEFAULT_SCHEMA_CLASS": "drf_standardized_errors.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "cryptoml_site.api.errors.handle",
    "DEFAULT_VERSIONING_CLASS": None,
}

DRF_STANDARDIZED_ERRORS = {"EXCEPTION_FORMATTER_CLASS": "cryptoml_site.api.errors.Formatter"}

SPECTACULAR_SETTINGS = {
    "TITLE": "CryptoML",
    "DESCRIPTION": "Direction forecasts from crypto candles: every answer logged, every model judged by what happened.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    "ENUM_NAME_OVERRIDES": {
        "DeploymentKind": "registry.models.Deployment.Kind",
        "Direction": "predictions.models.Prediction.Direction",
    },
    "PREPROCESSING_HOOKS": ["cryptoml_site.api.schema.canonical_only"],
}

# The product's own settings.
CLOCK_FILE = env.str("CRYPTOML_CLOCK_FILE", default=None)  # tests drive every process by the moment written there
CRYPTOML_DATA_DIR = checked.folder("CRYPTOML_DATA_DIR")
MARKET_SOURCE = env.str("MARKET_SOURCE", default="")
MARKETS = env.list("MARKETS", default=[])
COINGECKO_API_KEY = checked.token("COINGECKO_API_KEY")
COINGECKO_KEY_KIND = checked.choice("COINGECKO_KEY_KIND", default="demo", among=("demo", "pro"))
COINGECKO_URL = checked.url("COINGECKO_URL")  # tests point it at a stand-in
COINGECKO_RATE_LIMIT = checked.whole_number(
    "COINGECKO_RATE_LIMIT", default={"demo": 30, "pro": 100}[COINGECKO_KEY_KIND] if COINGECKO_API_KEY else 5
)  # calls a minute of all processes together
SCOPES = (  # predictions.models.Scope, which settings cannot import
    *("predict", "predictions:read", "predictions:read_all", "metrics:read"),
    *("registry:read", "registry:write", "registry:override", "drift:write"),
)
ANONYMOUS_SCOPES = checked.anonymous_scopes("CRYPTOML_ANONYMOUS_SCOPES", known=SCOPES)
SENTRY_DSN = checked.dsn("SENTRY_DSN")
PORT = checked.whole_number("PORT", default=8000, most=65_535)
CODE_REVISION = env.str("CRYPTOML_REVISION", default="")  # said by images, which hold no checkout
WEB_WORKERS = checked.whole_number("WEB_WORKERS", default=max(2, min(os.cpu_count() or 2, 4)))  # 110 MB each
WEB_THREADS = checked.whole_number("WEB_THREADS", default=16)
RATE_LIMIT = checked.whole_number("CRYPTOML_RATE_LIMIT", default=6_000)  # requests a minute of a key without its own
DURABILITY = checked.choice("DURABILITY", default="commit", among=("commit", "relaxed"))
LOG_DEADLINE = checked.seconds("CRYPTOML_LOG_DEADLINE", default=1.0)  # for Postgres; then rows go to the spool
SPOOL_DIR = Path(env.str("CRYPTOML_SPOOL_DIR", default=str(CRYPTOML_HOME / "spool"))).resolve()
SPOOL_LIMIT = checked.whole_number("CRYPTOML_SPOOL_LIMIT", default=500_000_000)  # bytes of all its files
LOG_RETENTION_MONTHS = checked.whole_number("LOG_RETENTION_MONTHS", default=0, least=0)  # whole ones; 0 keeps all
STATE_DIR = CRYPTOML_HOME / "state"
MODEL_CACHE = checked.whole_number("CRYPTOML_MODEL_CACHE", default=512_000_000)  # bytes of models in a process's memory
BODY_LIMIT = checked.whole_number("CRYPTOML_BODY_LIMIT", default=1_000_000)  # bytes of one request body
BATCH_BODY_LIMIT = checked.whole_number("CRYPTOML_BATCH_BODY_LIMIT", default=16_000_000)  # the same of /predict/batch
ONNX_LIMIT = checked.whole_number("CRYPTOML_ONNX_LIMIT", default=16_000_000)  # bytes of one version's model.onnx
TRAINING_MINUTES = checked.whole_number("CRYPTOML_TRAINING_MINUTES", default=120)  # of a run without a limit of its own
TRAINING_MEMORY_MB = checked.whole_number("CRYPTOML_TRAINING_MEMORY_MB", default=4_000)  # the same, of its process
PROMOTION_GATES: list[dict[str, Any]] = [  # docs/gates.md; the admin has a model's own options
    {"NAME": "registry.gates.EdgeOverBaseline", "OPTIONS": {"minimum_predictions": 1_000}},
    {"NAME": "registry.gates.MaximumCalibrationError", "OPTIONS": {"most": 0.05}},
    {"NAME": "registry.gates.MaximumAgeOfData", "OPTIONS": {"days": 365}},
    {"NAME": "registry.gates.Parity", "OPTIONS": {"most": 1e-5}},
    {"NAME": "registry.gates.SameSignature"},
    {"NAME": "registry.gates.Smoke", "OPTIONS": {"seconds": 1.0}},
    {"NAME": "registry.gates.Thresholds"},  # none are set: a person sets a model's own
    {"NAME": "training.gates.NotWorseThanProduction", "OPTIONS": {"minimum_rows": 1_000}},
]
SIMPLE_HISTORY_REVERT_DISABLED = True  # its button would go past our own methods
PURGE_GUARDS = ["predictions.purging.unsettled"]  # each gives a reason to keep a version's files, or None
MODEL_CONCERNS = [  # what the admin says of a model at a glance
    "registry.concerns.nothing_in_production",
    "registry.concerns.production_expired",
    "training.concerns.market_without_fresh_candles",
    "training.concerns.retraining_failed",
    "predictions.concerns.move_not_served",
]
ALERT_PRIVATE_HOSTS = frozenset(host.lower() for host in env.list("ALERT_PRIVATE_HOSTS", default=[]))
DEADMAN_URL = checked.secret_url("DEADMAN_URL")  # is asked for each minute for as long as alerts are watched
FLEET_LOOKS = ["monitoring.workers.seen.look"]  # what a web process looks at beside the ledger
VERSION_REPORT = "training.reporting.page.report_page"  # the page that says all of a version
TAKE_OVER = "predictions.serving.taken_over"  # how the admin knows which workers serve a move of the ledger
