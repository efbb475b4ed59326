"""Plays a learner's way through every operation with the client of openapi-python-client.

Argument: the service's address.
"""

import sys
from collections.abc import Callable
from datetime import date, datetime
from typing import Any, TypeVar
from uuid import UUID, uuid4

from study_stats_client import Client
from study_stats_client.api.courses import forget_course, get_activity, get_summary, get_totals, list_courses, list_learners
from study_stats_client.api.learner import erase_learner, get_learner_activity
from study_stats_client.api.sessions import forget_session, get_session, list_sessions, record_session, record_sessions
from study_stats_client.models import (
    Activity,
    ApiError,
    Batch,
    BatchRecord,
    BatchResults,
    CoursePage,
    LearnerPage,
    RecordAnswer,
    RecordMessage,
    RecordOutcome,
    Session,
    SessionPage,
    SessionRecord,
    Summary,
    Totals,
)
from study_stats_client.types import Response, Unset

T = TypeVar("T")


def expect(response: Response[Any], status: int, kind: type[T]) -> T:
    assert response.status_code == status, response
    assert isinstance(response.parsed, kind), response
    return response.parsed


def expect_code(response: Response[Any], status: int, code: str) -> None:
    error = expect(response, status, ApiError)
    assert error.code == code and error.request_id == response.headers["X-Request-Id"], error


def record(modules: float, score: float, time: float, occurred: str, updated: str) -> SessionRecord:
    times = datetime.fromisoformat(occurred), datetime.fromisoformat(updated)
    return SessionRecord(uuid4(), modules, score, time, occurred_at=times[0], updated_at=times[1])


def pages(get: Callable[..., Response[Any]], kind: type[T]) -> list[T]:
    """All pages of a list, with one item each."""
    found: list[T] = []
    query: dict[str, str] = {}
    while True:
        page: Any = expect(get(limit=1, **query), 200, kind)
        found.append(page)
        if isinstance(page.next_cursor, Unset):
            return found
        query = {"cursor": page.next_cursor}


def main(service: str) -> None:
    client = Client(service, raise_on_unexpected_status=True)
    course, learner = uuid4(), str(uuid4())
    of_learner: dict[str, Any] = {"client": client, "x_user_id": learner}
    expect_code(get_totals.sync_detailed(course, **of_learner), 404, "no_stats_found")

    first = record(5, 80, 120_000, "2026-10-01T23:40:00+02:00", "2026-10-02T00:05:00+02:00")
    stored = record_session.sync_detailed(course, body=first, **of_learner)
    assert expect(stored, 201, RecordAnswer).message == RecordMessage.OK
    older = SessionRecord(first.session_id, 1, 1, 1, occurred_at=first.occurred_at, updated_at=first.occurred_at)
    superseded = record_session.sync_detailed(course, body=older, **of_learner)
    assert expect(superseded, 200, RecordAnswer).message == RecordMessage.SUPERSEDED
    second = record(10, 90, 240_000, "2026-10-02T08:00:00+02:00", "2026-10-02T08:10:00+02:00")
    expect(record_session.sync_detailed(course, body=second, **of_learner), 201, RecordAnswer)

    read = get_totals.sync_detailed(course, **of_learner)
    assert expect(read, 200, Totals) == Totals(15, 85, 360_000)
    unchanged = get_totals.sync_detailed(course, if_none_match=read.headers["ETag"], **of_learner)
    assert unchanged.status_code == 304 and unchanged.parsed is None, unchanged
    session = get_session.sync_detailed(course, first.session_id, **of_learner)
    assert expect(session, 200, Session) == Session(first.session_id, 5, 80, 120_000)

    listed = pages(lambda **query: list_sessions.sync_detailed(course, **of_learner, **query), SessionPage)
    assert [page.sessions[0].session_id for page in listed] == [second.session_id, first.session_id]
    span: dict[str, Any] = {"from_": first.occurred_at, "to": second.occurred_at}
    part = list_sessions.sync_detailed(course, **of_learner, **span)
    assert [row.session_id for row in expect(part, 200, SessionPage).sessions] == [first.session_id]
    courses = pages(lambda **query: list_courses.sync_detailed(**of_learner, **query), CoursePage)
    assert [page.courses[0].course_id for page in courses] == [course]

    others = [BatchRecord(uuid4(), course, uuid4(), modules, 70, 60_000) for modules in (1, -1)]
    batch = expect(record_sessions.sync_detailed(client=client, body=Batch(others)), 200, BatchResults).results
    assert [result.outcome for result in batch] == [RecordOutcome.STORED, RecordOutcome.INVALID]
    assert not isinstance(batch[1].errors, Unset) and batch[1].errors[0].field == "totalModulesStudied"

    days: dict[str, Any] = {"from_": date(2026, 10, 1), "to": date(2026, 10, 2)}
    activity = expect(get_activity.sync_detailed(course, **of_learner, **days), 200, Activity)
    assert len(activity.days) == 2 and activity.current_streak == 2, activity
    assert expect(get_learner_activity.sync_detailed(**of_learner, **days), 200, Activity) == activity
    summary = expect(get_summary.sync_detailed(course, client=client), 200, Summary)
    assert (summary.learners, summary.sessions, summary.total_modules_studied) == (2, 3, 16), summary
    roster = pages(lambda **query: list_learners.sync_detailed(course, client=client, **query), LearnerPage)
    assert {page.learners[0].user_id for page in roster} == {UUID(learner), others[0].user_id}

    expect_code(get_totals.sync_detailed(course, client=client, x_user_id="7"), 400, "invalid_request")
    for status in (204, 404):
        assert forget_session.sync_detailed(course, first.session_id, **of_learner).status_code == status
    for status in (204, 404):
        assert forget_course.sync_detailed(course, **of_learner).status_code == status
    assert erase_learner.sync_detailed(**of_learner).status_code == 204
    expect_code(record_session.sync_detailed(course, body=first, **of_learner), 410, "learner_erased")


main(*sys.argv[1:])
