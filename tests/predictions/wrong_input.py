"""What no lane may take, and the (status, code, field) that each gets."""

from training.features.classic import EXAMPLE

RAW = '{"price": %s, ' + ", ".join(f'"{name}": 1' for name in list(EXAMPLE)[1:]) + "}"

WRONG_BODIES = [
    ("{", (400, "malformed_json", None)),
    (b"\xff\xfe", (400, "malformed_json", None)),
    ("[" * 100_000, (400, "malformed_json", None)),
    ("", (400, "empty_body", None)),
    ("{}", (400, "empty_body", None)),
    ("[1, 2]", (400, "not_an_object", None)),
    ("null", (400, "not_an_object", None)),
    ('"price"', (400, "not_an_object", None)),
    (RAW % "NaN", (400, "not_finite", "price")),
    (RAW % "Infinity", (400, "not_finite", "price")),
    (RAW % "-Infinity", (400, "not_finite", "price")),
    (RAW % "1e400", (400, "not_finite", "price")),
    (RAW % "1e39", (400, "not_finite", "price")),
    (RAW % ("9" * 400), (400, "not_finite", "price")),
    (RAW % '"45000"', (400, "not_a_number", "price")),
    (RAW % "true", (400, "not_a_number", "price")),
    (RAW % "[1]", (400, "not_a_number", "price")),
    (RAW % "null", (400, "null_value", "price")),
    (RAW % '1, "price": 2', (400, "doubled_key", None)),
    ('{"features": [1, 2]}', (400, "not_an_object", "features")),
    ('{"features": {}, "colour": "red"}', (400, "unknown_field", "colour")),
    ('{"market": "m", "features_": {}}', (400, "unknown_field", "features_")),
    ('{"market": 7}', (400, "not_a_name", "market")),
    ('{"market": null}', (400, "not_a_name", "market")),
    ('{"market": "a\\u0000b"}', (400, "not_a_name", "market")),
    ('{"market": "\\ud800"}', (400, "malformed_json", None)),
    ('{"\\ud800": 1}', (400, "malformed_json", None)),
    ('{"market": "' + "m" * 65 + '"}', (400, "not_a_name", "market")),
    ('{"market": "none-usd-1d"}', (404, "unknown_market", "market")),
    ('{"model": "none", "features": {}}', (404, "unknown_model", "model")),
    ('{"features": {}, "version": "2"}', (400, "not_a_version", "version")),
    ('{"features": {}, "version": 99}', (404, "unknown_version", "version")),
]

KEYS = [
    (None, (401, "not_authenticated", None)),
    ("", (401, "malformed_key", None)),
    ("abc", (401, "malformed_key", None)),
    ("abcdef12", (401, "malformed_key", None)),
    ("abcdef12.secret\u00e9", (401, "malformed_key", None)),
    ("abcdef12.secret", (401, "unknown_key", None)),
]
