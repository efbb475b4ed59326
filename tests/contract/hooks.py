"""Additions to JSON Schema: values for schemathesis to send, and a check of batches."""

from base64 import urlsafe_b64encode
from datetime import date, datetime, timedelta, timezone
from uuid import UUID
from zlib import crc32

import schemathesis
from hypothesis import strategies as st
from jsonschema import Draft4Validator, FormatChecker
from schemathesis.specs.openapi import checks

# A session may occur at most 24 hours from now: these times are in the past, in any offset.
offsets = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
times = st.datetimes(max_value=datetime(2025, 1, 1), timezones=offsets)
schemathesis.openapi.format("date-time", times.map(datetime.isoformat))

# A random id has no stored sessions. A few repeated ids lead to replaced and found sessions, and so to
# checks of those responses too.
ids = st.one_of(st.sampled_from([UUID(int=n) for n in range(3)]), st.uuids())
schemathesis.openapi.format("uuid", ids.map(str))


def cursor(list_of, place):
    """Encodes a position in a list as a cursor, as in src/api/extract/paging.rs."""
    text = list_of + place
    return urlsafe_b64encode(text + crc32(text).to_bytes(4, "big")).decode().rstrip("=")


def place(time, id):
    return (round(time.timestamp()) * 1000).to_bytes(8, "big", signed=True) + id.bytes


places = st.builds(place, times, ids)
# map_case adds the kind of list, which depends on the path.
schemathesis.openapi.format("cursor", places.map(bytes.hex))


def learner_of(course):
    """Returns the only learner of a course. schemathesis identifies a resource by its path, for any learner:
    with several learners, a delete by one learner would seem to leave the resource of the other."""
    return str(UUID(int=UUID(course).int ^ 1))


# The learner in the examples of the document.
EXAMPLE = "0193d4f1-7a2b-7c3d-9e4f-5a6b7c8d9e01"


@schemathesis.hook
def before_call(context, case, kwargs):
    """Erases another learner than the learner of the other examples, whose record would be refused."""
    if case.operation.label == "DELETE /learner" and (case.headers or {}).get("X-User-Id") == EXAMPLE:
        case.headers["X-User-Id"] = str(UUID(int=3))


@schemathesis.hook
def map_case(context, case):
    """Sets the learner of the course, a cursor for the requested list, and ranges in order, in valid requests."""
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return case
    if "courseId" in (case.path_parameters or {}) and "X-User-Id" in (case.headers or {}):
        case.headers["X-User-Id"] = learner_of(case.path_parameters["courseId"])
    query = case.query or {}
    if len(query.get("cursor", "")) == 48:
        position = bytes.fromhex(query["cursor"])
        if case.path.endswith("/learners"):
            query["cursor"] = cursor(b"r", position[8:])
        else:
            query["cursor"] = cursor(b"c" if case.path == "/courses" else b"s", position)
    if case.path.endswith("/sessions") and {"from", "to"} <= query.keys():
        query["from"], query["to"] = sorted([query["from"], query["to"]], key=datetime.fromisoformat)
    if case.path.endswith("/activity") and "from" in query:
        first = date.fromisoformat(query["from"])
        last = date.fromisoformat(query.get("to", query["from"]))
        longest = timedelta(min(365, (date.max - first).days))
        query["to"] = str(min(max(first, last), first + longest))
    return case


# An empty list is 200, also after the delete of all its items; and another learner's sessions stay after
# a delete.
LISTS = [f"GET /courses/{{courseId}}/{name}" for name in ("sessions", "activity", "summary", "learners")]


@schemathesis.check
def found_after_deletion(ctx, response, case):
    """A deleted resource is not found any more: schemathesis's use_after_free, except for lists."""
    return case.operation.label in LISTS or checks.use_after_free(ctx, response, case)


@schemathesis.check
def found_after_creation(ctx, response, case):
    """A created resource is found: schemathesis's ensure_resource_availability, which knows the deletes of the very
    resource only. A course is gone with its last session too, and everything with the learner."""
    course = (case.path_parameters or {}).get("courseId")
    for other in ctx.internals.recorder.find_all_cases() if ctx.internals.recorder else []:
        answer = ctx.internals.recorder.find_response(case_id=other.id)
        if other.operation.method.upper() == "DELETE" and answer is not None and answer.status_code == 204:
            if other.operation.label == "DELETE /learner" or (other.path_parameters or {}).get("courseId") == course:
                return None
    return checks.ensure_resource_availability(ctx, response, case)


@schemathesis.check
def batch_outcomes(ctx, response, case):
    """The response to a batch has an outcome for each record, and `invalid` exactly for records that the
    document forbids."""
    if case.operation.label != "POST /sessions" or response.status_code != 200:
        return
    schema = case.operation.schema.raw_schema["components"]["schemas"]["BatchRecord"]
    validator = Draft4Validator(schema, format_checker=FormatChecker(["uuid", "date-time"]))
    results = response.json()["results"]
    assert len(results) == len(case.body["sessions"])
    for record, result in zip(case.body["sessions"], results):
        # JSON Schema does not know OpenAPI's `nullable`.
        if isinstance(record, dict):
            times = ("occurredAt", "updatedAt")
            record = {key: value for key, value in record.items() if value is not None or key not in times}
        is_right = validator.is_valid(record)
        assert is_right == (result["outcome"] != "invalid"), f"{record}: {result}"
