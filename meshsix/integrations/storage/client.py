"""Object storage that speaks S3: one bucket, in which each project has a prefix of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, cast

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from meshsix.integrations.errors import Missing, Refused, TryLater, VendorError
from meshsix.integrations.storage.messages import StoredObject

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_s3.literals import BucketLocationConstraintType

VENDOR = "storage"
_HOME_REGION = "us-east-1"  # the one region whose name S3 refuses as a location
_ABSENT = {"404", "NoSuchKey", "NoSuchBucket", "NotFound"}
_DENIED = {401, 403}
_TOO_MANY = 429
_SERVER_FAILED = 500


class Storage:
    """One bucket. Safe to share between threads, as boto3's clients are; boto's own retries are off."""

    def __init__(
        self, *, endpoint_url: str, bucket: str, region: str, access_key: str, secret_key: str, timeout: timedelta
    ) -> None:
        self.bucket = bucket
        self._region = region
        self._s3: S3Client = boto3.session.Session().client(
            "s3",
            endpoint_url=endpoint_url or None,
            region_name=region,
            aws_access_key_id=access_key or None,
            aws_secret_access_key=secret_key or None,
            config=Config(
                connect_timeout=timeout.total_seconds(),
                read_timeout=timeout.total_seconds(),
                retries={"total_max_attempts": 1, "mode": "standard"},
                s3={"addressing_style": "path" if endpoint_url else "auto"},
            ),
        )

    def has_bucket(self) -> bool:
        """Return whether the bucket is there. Raises Refused where we may not look."""
        try:
            with _translated(self.bucket):
                self._s3.head_bucket(Bucket=self.bucket)
        except Missing:
            return False
        return True

    def create_bucket(self) -> None:
        """Make the bucket; no-op where it is ours already. Raises Refused where the name is somebody else's."""
        with _translated(self.bucket):
            try:
                if self._region == _HOME_REGION:
                    self._s3.create_bucket(Bucket=self.bucket)
                else:
                    location = cast("BucketLocationConstraintType", self._region)
                    self._s3.create_bucket(
                        Bucket=self.bucket, CreateBucketConfiguration={"LocationConstraint": location}
                    )
            except self._s3.exceptions.BucketAlreadyOwnedByYou:
                return

    def put(self, key: str, body: bytes, *, content_type: str = "application/octet-stream") -> None:
        """Store an object, in place of an older one with its key."""
        with _translated(key):
            self._s3.put_object(Bucket=self.bucket, Key=key, Body=body, ContentType=content_type)

    def get(self, key: str) -> bytes:
        """Return an object's content. Raises Missing where there is none."""
        with _translated(key):
            return self._s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()

    def objects(self, prefix: str) -> Iterator[StoredObject]:
        """Yield the objects whose key starts with `prefix`, page by page, in the order of their keys."""
        with _translated(prefix):
            for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix):
                for item in page.get("Contents", []):
                    yield StoredObject(key=item["Key"], size_bytes=item["Size"], changed_at=item["LastModified"])

    def delete(self, key: str) -> None:
        """Take an object away; no-op where there is none."""
        with _translated(key):
            self._s3.delete_object(Bucket=self.bucket, Key=key)


@contextmanager
def _translated(what: str) -> Iterator[None]:
    """Turn boto's errors of the block into ours; `what` is the bucket or key that was asked for."""
    try:
        yield
    except ClientError as error:
        raise _vendor_error(what, error) from error
    except BotoCoreError as error:
        raise TryLater(
            f"The storage did not answer for {what}: {type(error).__name__}.",
            vendor=VENDOR,
            hint="Check S3_ENDPOINT_URL and the network between here and there.",
        ) from error


def _vendor_error(what: str, error: ClientError) -> VendorError:
    code = error.response.get("Error", {}).get("Code", "")
    facts = error.response.get("ResponseMetadata", {})
    status = facts.get("HTTPStatusCode", 0)
    request_id = facts.get("RequestId")
    if code in _ABSENT:
        return Missing(
            f"The storage has no {what}.", code="storage:missing", vendor=VENDOR, status=status, request_id=request_id
        )
    if status >= _SERVER_FAILED or status == _TOO_MANY:
        return TryLater(f"The storage failed for {what}: {code}.", vendor=VENDOR, status=status, request_id=request_id)
    if status in _DENIED:
        return Refused(
            f"The storage says no for {what}: {code}.",
            code="storage:forbidden",
            vendor=VENDOR,
            status=status,
            request_id=request_id,
            hint="Check S3_ACCESS_KEY and S3_SECRET_KEY and their rights on the bucket S3_BUCKET.",
        )
    return Refused(
        f"The storage does not accept {what}: {code}.",
        code="storage:refused",
        vendor=VENDOR,
        status=status,
        request_id=request_id,
        hint="Check S3_BUCKET and S3_REGION: a bucket's name is unique in the whole storage.",
    )
