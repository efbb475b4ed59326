//! Moves between stores in use: erasures, versions, and traffic that came first.

use serde_json::{Value, json};

use crate::support::api::{body, new_id};
use crate::support::load::service::becomes_ready;
use crate::support::processes::commands::{export, run_with};
use crate::support::processes::redis::{IN_MEMORY, Redis};
use crate::support::processes::service::{Service, embedded, on_redis};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn erasures_and_versions_move_with_the_sessions() {
    let source = tempfile::tempdir().unwrap();
    let (learner, course, erased) = (new_id(), new_id(), new_id());
    let (mut bare, mut timed) = (body(1, 2, 3), body(4, 5, 6));
    timed["occurredAt"] = json!("2026-03-01T10:00:00Z");
    timed["updatedAt"] = json!("2026-03-01T11:00:00Z");
    let service = Service::start(&mut embedded(source.path()));
    let client = service.client();
    for body in [&bare, &timed] {
        assert_eq!(client.post(&learner, &course, body).await.status, 201);
    }
    assert_eq!(client.delete(&erased, "/learner").await.status, 204);
    let exported = export(&mut embedded(source.path()));
    let lines: Vec<Value> = exported
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[0]["userId"], erased.as_str());
    assert!(lines[0]["expiresAt"].is_string(), "{exported}");
    let version = |body: &Value| {
        let line = lines
            .iter()
            .find(|line| line["sessionId"] == body["sessionId"]);
        line.unwrap()["updatedAt"].clone()
    };
    assert_eq!(version(&bare), Value::Null);
    assert_eq!(version(&timed), "2026-03-01T11:00:00Z");

    let redis = Redis::start(IN_MEMORY).await;
    let service = Service::start(&mut on_redis(&redis.url()));
    let client = service.client();
    becomes_ready(&client).await;
    // Traffic that comes first stays: a session without a version, and a newer version.
    bare["totalModulesStudied"] = json!(10);
    timed["totalModulesStudied"] = json!(40);
    timed["updatedAt"] = json!("2026-03-01T12:00:00Z");
    for body in [&bare, &timed] {
        assert_eq!(client.post(&learner, &course, body).await.status, 201);
    }
    for _ in 0..2 {
        let imported = run_with(&mut on_redis(&redis.url()), &["import"], &exported).succeeded();
        assert!(
            imported.contains("0 stored, 2 superseded, 0 gone, 0 invalid, 1 erasures"),
            "{imported}"
        );
        let totals = client.totals(&learner, &course).await;
        assert_eq!(totals.json()["totalModulesStudied"], 50);
    }
    // A late record of the erased learner is refused here too, until the same end.
    let mut late = body(1, 2, 3);
    late["occurredAt"] = json!("2026-03-01T10:00:00Z");
    assert_eq!(client.post(&erased, &course, &late).await.status, 410);
    let moved = export(&mut on_redis(&redis.url()));
    assert_eq!(moved.lines().next(), exported.lines().next());
}
