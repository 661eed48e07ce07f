"""A bucket on this machine: moto's server, which speaks the language of S3."""

import socket
from contextlib import contextmanager
from threading import Thread

import boto3
from moto.server import ThreadedMotoServer

NAME = "cryptoml-tests"
KEYS = {"access_key": "tester", "secret_key": "tester", "region_name": "eu-central-1"}


class Bucket:
    def __init__(self, endpoint):
        self.endpoint = endpoint
        self.client = boto3.client(
            "s3",
            endpoint_url=endpoint,
            aws_access_key_id=KEYS["access_key"],
            aws_secret_access_key=KEYS["secret_key"],
            region_name=KEYS["region_name"],
        )

    def storages(self, settings, **options):
        """STORAGES with the bundles in this bucket."""
        named = {"bucket_name": NAME, "location": "models", "endpoint_url": self.endpoint, **KEYS, **options}
        return {
            **settings.STORAGES,
            "bundles": {"BACKEND": "registry.bundle_bucket.BundleBucket", "OPTIONS": named},
        }

    def names(self):
        listed = self.client.list_objects_v2(Bucket=NAME).get("Contents", [])
        return sorted(each["Key"] for each in listed)

    def write(self, key, data):
        self.client.put_object(Bucket=NAME, Key=key, Body=data)

    def empty(self):
        for name in self.names():
            self.client.delete_object(Bucket=NAME, Key=name)


@contextmanager
def bucket():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    made = Bucket(f"http://{host}:{port}")
    made.client.create_bucket(Bucket=NAME, CreateBucketConfiguration={"LocationConstraint": KEYS["region_name"]})
    try:
        yield made
    finally:
        made.client.close()
        server.stop()


@contextmanager
def silent_server():
    """Takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        taken = []

        def take():
            try:
                while True:
                    taken.append(listening.accept()[0])
            except OSError:
                return

        Thread(target=take, daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        listening.shutdown(socket.SHUT_RDWR)
        for each in taken:
            each.close()
