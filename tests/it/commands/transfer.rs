//! Export and import between stores, in lines.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use study_stats::domain::{CourseId, Enrolment, LearnerId, SessionId};
use study_stats::store::StatsStore;
use study_stats::store::embedded::EmbeddedStore;
use uuid::Uuid;

use crate::support::TIMEOUT;
use crate::support::api::{body, new_id};
use crate::support::load::service::{UnderLoad, becomes_ready};
use crate::support::processes::commands::{Sessions, export, run, run_with};
use crate::support::processes::redis::{IN_MEMORY, Redis};
use crate::support::processes::service::{Service, embedded, on_redis, output};
use crate::support::stores::fixture::redis_store;

/// Learners and courses of lines.
fn subjects(lines: &str) -> HashSet<(LearnerId, CourseId)> {
    let id = |line: &Value, field: &str| Uuid::parse_str(line[field].as_str().unwrap()).unwrap();
    let lines = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    lines
        .map(|line| (id(&line, "userId").into(), id(&line, "courseId").into()))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_from_redis_to_the_embedded_store_and_back_is_equal() {
    let (first, second) = (Redis::start(IN_MEMORY).await, Redis::start(IN_MEMORY).await);
    let directory = tempfile::tempdir().unwrap();
    let lines = Sessions::new(10).lines(30, 3, 12);
    run_with(&mut on_redis(&first.url()), &["import"], &lines).succeeded();
    let exported = export(&mut on_redis(&first.url()));
    let count = lines.lines().count();
    assert_eq!(exported.lines().collect::<HashSet<_>>().len(), count);
    let learners: Vec<_> = exported.lines().map(|line| &line[..47]).collect();
    assert!(learners.is_sorted());

    run_with(&mut embedded(directory.path()), &["import"], &exported).succeeded();
    let from_embedded = export(&mut embedded(directory.path()));
    assert!(
        from_embedded == exported,
        "the embedded store gives other bytes"
    );
    run_with(&mut on_redis(&second.url()), &["import"], &from_embedded).succeeded();
    assert!(
        export(&mut on_redis(&second.url())) == exported,
        "Redis gives other bytes"
    );

    let embedded = EmbeddedStore::open(directory.path(), TIMEOUT).unwrap();
    let redis = redis_store(&second.url(), &[]).await;
    for (learner, course) in subjects(&lines) {
        // All days of the year, and a few more.
        let days = || 20_080..=20_460;
        assert_eq!(
            embedded
                .activity(learner, Some(course), days())
                .await
                .unwrap(),
            redis.activity(learner, Some(course), days()).await.unwrap()
        );
        let totals = embedded
            .totals(Enrolment::new(learner, course))
            .await
            .unwrap();
        assert_eq!(totals.unwrap().sessions, 12);
        assert_eq!(
            totals,
            redis.totals(Enrolment::new(learner, course)).await.unwrap()
        );
        let summary = embedded.summary(course).await.unwrap();
        assert_eq!(summary, redis.summary(course).await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn local_days_and_exact_digits_survive() {
    let redis = Redis::start(IN_MEMORY).await;
    let service = Service::start(&mut on_redis(&redis.url()));
    let client = service.client();
    becomes_ready(&client).await;
    let (learner, course) = (new_id(), new_id());
    let times = [
        ("2026-03-01T00:30:00+14:00", "2026-02-28T10:30:00Z", 1),
        ("2026-02-28T23:30:00-11:30", "2026-03-01T11:00:00Z", -1),
        ("2026-02-28T23:59:59.999Z", "2026-02-28T23:59:59.999Z", 0),
        ("2026-02-28T00:00:00+00:01", "2026-02-27T23:59:00Z", 1),
        ("2026-02-28T12:00:00+02:00", "2026-02-28T10:00:00Z", 0),
    ];
    for (written, _, _) in times {
        let mut record = body(2, 1, 3);
        record["averageScore"] = json!(0.840_136_556_537_863_9);
        record["occurredAt"] = json!(written);
        assert_eq!(client.post(&learner, &course, &record).await.status, 201);
    }
    let exported = run(&mut on_redis(&redis.url()), &["export", "--user", &learner]).succeeded();
    let found: Vec<Value> = exported
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let mut expected: Vec<_> = times.iter().collect();
    expected.sort_by_key(|(_, utc, _)| std::cmp::Reverse(*utc));
    for (line, (_, utc, shift)) in found.iter().zip(&expected) {
        let at = line["occurredAt"].as_str().unwrap();
        assert_eq!(at.ends_with('Z'), *shift == 0, "{at}");
        assert!(*shift != 0 || at == *utc, "{at}");
        assert!(
            *shift == 0 || at.ends_with(":00"),
            "an offset of whole hours: {at}"
        );
    }
    assert_eq!(found.len(), times.len());
    let first = exported.lines().next().unwrap();
    let numbers = r#""totalModulesStudied":2,"averageScore":0.8401365565378639,"timeStudied":3,"#;
    assert!(first.contains(numbers), "{first}");

    let directory = tempfile::tempdir().unwrap();
    run_with(&mut embedded(directory.path()), &["import"], &exported).succeeded();
    let moved = EmbeddedStore::open(directory.path(), TIMEOUT).unwrap();
    let (learner, course) = (
        LearnerId::parse(&learner).unwrap(),
        CourseId::parse(&course).unwrap(),
    );
    let activity = moved
        .activity(learner, Some(course), 20_500..=20_600)
        .await
        .unwrap();
    let days: Vec<_> = activity
        .days
        .iter()
        .map(|(day, totals)| (*day, totals.sessions))
        .collect();
    assert_eq!(days, [(20_512, 4), (20_513, 1)]);
}

#[test]
fn files_are_compressed_by_the_suffix_of_the_name() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name).display().to_string();
    let data = |name: &str| embedded(Path::new(&at(name)));
    let lines = Sessions::new(11).lines(20, 2, 20);
    run_with(&mut data("source"), &["import", "-"], &lines).succeeded();
    let plain = export(&mut data("source"));
    assert_eq!(
        run(&mut data("source"), &["export", "-"]).succeeded(),
        plain
    );
    for (name, beginning) in [
        ("lines.ndjson", &b"{\"userId\""[..]),
        ("lines.ndjson.gz", &[0x1f, 0x8b]),
        ("lines.ndjson.zst", &[0x28, 0xb5, 0x2f, 0xfd]),
        ("lines.GZ", &[0x1f, 0x8b]),
    ] {
        let file = at(name);
        // Import replaces an existing file.
        fs::write(&file, "former").unwrap();
        let summary = run(&mut data("source"), &["export", &file]).succeeded();
        assert!(
            summary.starts_with("800 sessions of 20 learners in "),
            "{summary}"
        );
        let bytes = fs::read(&file).unwrap();
        assert!(bytes.starts_with(beginning), "{name}");
        assert_eq!(bytes == plain.as_bytes(), name == "lines.ndjson");
        let target = format!("{name}.data");
        run(&mut data(&target), &["import", &file]).succeeded();
        assert!(export(&mut data(&target)) == plain, "{name}");
    }
    let unpacked = output(Command::new("gzip").args(["-dc", &at("lines.ndjson.gz")]));
    assert!(unpacked.stdout == plain.as_bytes());
    // Concatenated gzip files are read to the end.
    let twice =
        [at("lines.ndjson.zst"), at("lines.ndjson.zst")].map(|file| fs::read(file).unwrap());
    fs::write(at("twice.zst"), twice.concat()).unwrap();
    let summary = run(&mut data("twice"), &["import", &at("twice.zst")]).succeeded();
    assert!(summary.starts_with("1600 lines: 1600 stored"), "{summary}");
    let names = fs::read_dir(directory.path()).unwrap();
    let names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
    assert!(
        !names
            .iter()
            .any(|name| name.to_string_lossy().ends_with(".part")),
        "{names:?}"
    );
}

#[test]
fn a_single_learner_is_exported_and_imported_on_request() {
    let directory = tempfile::tempdir().unwrap();
    let data = |name: &str| embedded(&directory.path().join(name));
    let mut sessions = Sessions::new(12);
    let (learner, course) = (sessions.id(), sessions.id());
    let of_learner: String = (0..3).map(|_| sessions.line(learner, course)).collect();
    let lines = sessions.lines(2, 1, 5) + &of_learner + &sessions.lines(2, 1, 5);
    let learner = learner.to_string();
    run_with(&mut data("all"), &["import"], &lines).succeeded();
    let single = run(&mut data("all"), &["export", "--user", &learner]).succeeded();
    assert_eq!(single.lines().count(), 3);
    let summary = run_with(&mut data("one"), &["import", "--user", &learner], &lines).succeeded();
    assert!(
        summary.starts_with(
            "23 lines: 3 stored, 0 superseded, 0 gone, 0 invalid, 20 of other learners; "
        ),
        "{summary}"
    );
    assert_eq!(export(&mut data("one")), single);
    let nobody = run(&mut data("all"), &["export", "--user", &new_id()]);
    assert_eq!(nobody.succeeded(), "");
}

#[test]
fn a_repeated_import_and_older_lines_change_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let data = || embedded(directory.path());
    let lines = Sessions::new(13).lines(4, 2, 10);
    run_with(&mut data(), &["import"], &lines).succeeded();
    let exported = export(&mut data());
    let again = run_with(&mut data(), &["import"], &lines).succeeded();
    assert!(
        again.starts_with("80 lines: 80 stored, 0 superseded, "),
        "{again}"
    );
    assert_eq!(export(&mut data()), exported);
    let older = lines.replace("\"2025-", "\"2024-");
    let summary = run_with(&mut data(), &["import"], &older).succeeded();
    assert!(
        summary.starts_with("80 lines: 0 stored, 80 superseded, 0 gone, 0 invalid; "),
        "{summary}"
    );
    assert_eq!(export(&mut data()), exported);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_of_an_erased_learner_are_counted_as_gone() {
    let redis = Redis::start(IN_MEMORY).await;
    let mut sessions = Sessions::new(14);
    let (learner, course) = (sessions.id(), sessions.id());
    let lines = sessions.line(learner, course) + &sessions.lines(1, 1, 2);
    let store = redis_store(&redis.url(), &[]).await;
    store.erase(learner.into()).await.unwrap();
    let summary = run_with(&mut on_redis(&redis.url()), &["import"], &lines).succeeded();
    assert!(
        summary.starts_with("3 lines: 2 stored, 0 superseded, 1 gone, 0 invalid; "),
        "{summary}"
    );
    assert_eq!(
        store
            .totals(Enrolment::new(learner.into(), course.into()))
            .await
            .unwrap(),
        None
    );
}

#[test]
fn wrong_lines_are_reported_by_number_and_valid_lines_imported() {
    let directory = tempfile::tempdir().unwrap();
    let data = || embedded(directory.path());
    let right = Sessions::new(15).lines(1, 1, 3);
    let right: Vec<_> = right.lines().collect();
    let long = format!(r#"{{"x":"{}"}}"#, "x".repeat(70_000));
    let negative = right[1].replace("\"timeStudied\":", "\"timeStudied\":-1");
    let many = "\n[]".repeat(30);
    let lines = format!(
        "{}\n\n{long}\r\n{negative}\n  \n{}{many}",
        right[0], right[2]
    );
    let ran = run_with(&mut data(), &["import"], &lines);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let reported: Vec<_> = ran.out.lines().collect();
    assert_eq!(reported.len(), 21, "{reported:?}");
    assert_eq!(reported[0], "line 3: it is longer than 64 KiB");
    assert!(
        reported[1].starts_with("line 4: timeStudied is invalid: it must be "),
        "{reported:?}"
    );
    assert!(reported[2].starts_with("line 7: "), "{reported:?}");
    assert!(
        reported[20].starts_with("34 lines: 2 stored, 0 superseded, 0 gone, 32 invalid; "),
        "{reported:?}"
    );
    assert_eq!(export(&mut data()).lines().count(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_of_a_live_service_is_imported() {
    let redis = Redis::start(IN_MEMORY).await;
    let lines = Sessions::new(20).lines(50, 2, 10);
    run_with(&mut on_redis(&redis.url()), &["import"], &lines).succeeded();
    let before: HashSet<_> = export(&mut on_redis(&redis.url()))
        .lines()
        .map(str::to_owned)
        .collect();
    let live = UnderLoad::start(&redis.url()).await;
    let exported = export(&mut on_redis(&redis.url()));
    let found: HashSet<_> = exported.lines().map(str::to_owned).collect();
    assert!(
        found.is_superset(&before),
        "a session that stood still is missing"
    );
    assert!(
        found.len() > before.len(),
        "nothing of what was written before it"
    );
    // Lines as old as the stored sessions or older: the load reads back its writes.
    run_with(&mut on_redis(&redis.url()), &["import"], &exported).succeeded();
    live.load.wait_for_writes(200).await;
    run(&mut on_redis(&redis.url()), &["verify"]).succeeded();
    live.verify("import", &[&redis]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_line_is_a_valid_body_of_the_api() {
    let directory = tempfile::tempdir().unwrap();
    let lines = Sessions::new(21).lines(1, 1, 1);
    run_with(&mut embedded(directory.path()), &["import"], &lines).succeeded();
    let exported = export(&mut embedded(directory.path()));
    let line: Value = serde_json::from_str(&exported).unwrap();
    let service = Service::start(&mut embedded(&directory.path().join("other")));
    let client = service.client();
    let (learner, course) = (
        line["userId"].as_str().unwrap(),
        line["courseId"].as_str().unwrap(),
    );
    assert_eq!(client.post(learner, course, &line).await.status, 201);
    let session: SessionId = SessionId::parse(line["sessionId"].as_str().unwrap()).unwrap();
    let answer = client
        .get(learner, &format!("/courses/{course}/sessions/{session}"))
        .await;
    for field in [
        "sessionId",
        "totalModulesStudied",
        "averageScore",
        "timeStudied",
    ] {
        assert_eq!(answer.json()[field], line[field]);
    }
}
