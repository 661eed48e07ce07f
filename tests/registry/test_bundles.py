"""Bundles: named by their content, so that every altered byte is noticed."""

import pytest

from registry.bundles import BundleAltered, BundleTooLarge, read_file, read_manifest, verify_bundle, write_bundle
from tests.factories import alter

FILES = {"model.onnx": b"weights", "report.json": b"{}"}


def test_what_was_written_is_read_back():
    bundle = write_bundle(FILES)
    assert {name: read_file(bundle, name) for name in read_manifest(bundle)} == FILES


def test_the_same_content_has_the_same_name_and_is_stored_once():
    assert write_bundle(FILES) == write_bundle(dict(reversed(FILES.items())))


@pytest.mark.parametrize("name", ["model.onnx", "report.json", "manifest.json"])
def test_one_altered_byte_is_noticed(name):
    bundle = write_bundle(FILES)
    alter(bundle, name)
    with pytest.raises(BundleAltered, match=name):
        verify_bundle(bundle)


def test_a_missing_bundle_is_said_to_be_missing():
    with pytest.raises(BundleAltered, match="cannot be read"):
        verify_bundle("f" * 64)


def test_writing_again_mends_a_torn_file():
    bundle = write_bundle(FILES)
    alter(bundle, "model.onnx")
    write_bundle(FILES)
    assert verify_bundle(bundle)


def test_a_model_over_the_limit_is_refused_with_the_numbers(settings):
    settings.ONNX_LIMIT = 6
    with pytest.raises(BundleTooLarge, match=r"7 bytes, 6 are allowed"):
        write_bundle(FILES)
