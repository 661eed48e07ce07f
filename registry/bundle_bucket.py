"""Bundles in a bucket of S3, or of what speaks its language. Imported, with boto3, only where BUNDLES_URL names one."""

from __future__ import annotations

import errno
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.core.files.base import ContentFile, File
from storages.backends.s3 import S3Storage

GONE = {"404", "NoSuchKey"}
REFUSED = {"401", "403", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken"}


class BundleBucket(S3Storage):  # type: ignore[misc]  # it has no types
    """Every failure is an OSError, as of a disk. One that cannot be reached is left alone for `PAUSE` seconds: whoever
    loads ten models waits once."""

    PAUSE = 5.0

    def __init__(self, *, connect_seconds: float = 2.0, read_seconds: float = 5.0, **settings: Any) -> None:
        self._away_until, self._why = 0.0, ""
        config = Config(
            connect_timeout=connect_seconds,
            read_timeout=read_seconds,
            retries={"total_max_attempts": 2, "mode": "standard"},
            s3={"addressing_style": "path"} if settings.get("endpoint_url") else None,
        )
        # a name of its own where one is taken: two uploads of the same bytes are two files
        super().__init__(**{"client_config": config, "file_overwrite": False, "querystring_auth": False, **settings})

    def _open(self, name: str, mode: str = "rb") -> File[Any]:
        """All of it, by one request."""
        with self._as_of_a_disk():
            key = self._normalize_name(name)
            answer = self.connection.meta.client.get_object(Bucket=self.bucket_name, Key=key)
            return ContentFile(answer["Body"].read(), name)

    def _save(self, name: str, content: File[Any]) -> str:
        with self._as_of_a_disk():
            saved: str = super()._save(name, content)
            return saved

    def exists(self, name: str) -> bool:
        with self._as_of_a_disk():
            return bool(super().exists(name))

    def delete(self, name: str) -> None:
        with self._as_of_a_disk():
            super().delete(name)

    def listdir(self, name: str) -> tuple[list[str], list[str]]:
        with self._as_of_a_disk():
            listed: tuple[list[str], list[str]] = super().listdir(name)
            return listed

    @contextmanager
    def _as_of_a_disk(self) -> Iterator[None]:
        if time.monotonic() < self._away_until:
            raise TimeoutError(errno.ETIMEDOUT, self._why)
        try:
            yield
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", "unknown"))
            if code in GONE:
                raise FileNotFoundError(errno.ENOENT, f"not in the bucket {self.bucket_name}") from error
            if code in REFUSED:
                raise PermissionError(errno.EACCES, f"the bucket {self.bucket_name} refuses us: {code}") from error
            raise self._away(code) from error
        except BotoCoreError as error:
            raise self._away(type(error).__name__) from error

    def _away(self, why: str) -> OSError:
        self._away_until = time.monotonic() + self.PAUSE
        self._why = f"the bucket {self.bucket_name} does not answer: {why}"
        return TimeoutError(errno.ETIMEDOUT, self._why)
