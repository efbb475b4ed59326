//! Conditional reads over real sockets, on both stores: ETag, If-None-Match, 304.

use poem::http::Method;
use serde_json::Value;

use crate::for_both_stores;
use crate::support::api::{Answer, Api, body_at, new_id, send};
use crate::support::fixture::Fixture;

for_both_stores!(
    every_read_has_a_strong_tag_that_all_replicas_agree_on,
    who_has_the_answer_is_not_sent_it_again,
    a_write_that_changes_nothing_keeps_the_tag_and_another_does_not,
    head_is_conditional_as_get_is,
    what_is_no_answer_to_a_read_has_no_tag,
);

/// A learner with a session, its body, and the paths of all that can be read of it.
struct Studied {
    learner: String,
    course: String,
    body: Value,
    reads: [String; 6],
}

impl Studied {
    async fn new(api: &Api) -> Self {
        let (learner, course) = (new_id(), new_id());
        let body = body_at("2026-01-15T09:30:00+01:00", 1, 2, 3);
        assert_eq!(api.client.post(&learner, &course, &body).await.status, 201);
        let path = format!("/courses/{course}");
        let reads = [
            "/courses".to_owned(),
            path.clone(),
            format!("{path}/sessions"),
            format!("{path}/sessions/{}", body["sessionId"].as_str().unwrap()),
            format!("{path}/activity?to=2026-01-15"),
            format!("{path}/summary"),
        ];
        Self {
            learner,
            course,
            body,
            reads,
        }
    }
}

/// The answer where the client has what some If-None-Match headers say.
async fn ask(api: &Api, method: Method, studied: &Studied, path: &str, has: &[&str]) -> Answer {
    let request = api
        .client
        .request(method, path)
        .header("X-User-Id", &studied.learner);
    let request = has.iter().fold(request, |request, tags| {
        request.header("If-None-Match", *tags)
    });
    send(request).await.unwrap()
}

fn tag(answer: &Answer) -> String {
    answer
        .header("etag")
        .unwrap_or_else(|| panic!("no ETag: {answer:?}"))
        .to_owned()
}

async fn every_read_has_a_strong_tag_that_all_replicas_agree_on(fixture: &Fixture) {
    let [api, replica] = [
        Api::serve(fixture.store.clone()).await,
        Api::serve(fixture.store.clone()).await,
    ];
    let studied = Studied::new(&api).await;
    let mut tags = Vec::new();
    for path in &studied.reads {
        let answer = ask(&api, Method::GET, &studied, path, &[]).await;
        assert_eq!(
            (answer.status, answer.header("cache-control")),
            (200, Some("no-cache"))
        );
        let tag = tag(&answer);
        let inner = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"'));
        assert!(
            inner.is_some_and(|tag| !tag.contains(['"', ',', ' '])),
            "{tag}"
        );
        assert_eq!(
            replica
                .client
                .get(&studied.learner, path)
                .await
                .header("etag"),
            Some(&*tag)
        );
        tags.push(tag);
    }
    tags.sort_unstable();
    tags.dedup();
    assert_eq!(
        tags.len(),
        studied.reads.len(),
        "other bodies have other tags"
    );
}

async fn who_has_the_answer_is_not_sent_it_again(fixture: &Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    let studied = Studied::new(&api).await;
    for path in &studied.reads {
        let whole = ask(&api, Method::GET, &studied, path, &[]).await;
        let (tag, other) = (tag(&whole), format!("\"{}\"", new_id()));
        let weak = format!("W/{tag}");
        let (list, weak_list) = (format!("{other}, {tag}"), format!("{other} ,,\t{weak},"));
        for has in [
            &[tag.as_str()][..],
            &[&weak],
            &[&list],
            &[&weak_list],
            &["*"],
            &[&other, &tag],
        ] {
            let answer = ask(&api, Method::GET, &studied, path, has).await;
            assert_eq!(
                (answer.status, answer.text.as_str()),
                (304, ""),
                "{path} {has:?}"
            );
            assert_eq!(answer.header("etag"), Some(tag.as_str()));
            assert_eq!(answer.header("cache-control"), Some("no-cache"));
            assert!(answer.header("x-request-id").is_some());
            assert_eq!(
                (
                    answer.header("content-type"),
                    answer.header("content-length")
                ),
                (None, None)
            );
        }
        let bare = tag.trim_matches('"');
        let upper = tag.to_uppercase();
        for has in [
            &[other.as_str()][..],
            &[bare],
            &[""],
            &["x, *"],
            &[&upper],
            &["\"", "\"\""],
            &["W/*"],
        ] {
            let answer = ask(&api, Method::GET, &studied, path, has).await;
            assert_eq!(
                (answer.status, &answer.text),
                (200, &whole.text),
                "{path} {has:?}"
            );
            assert_eq!(answer.header("etag"), Some(tag.as_str()));
        }
    }
}

async fn a_write_that_changes_nothing_keeps_the_tag_and_another_does_not(fixture: &Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    let mut studied = Studied::new(&api).await;
    for modules in [1, 9] {
        let mut before = Vec::new();
        for path in &studied.reads {
            before.push(tag(&ask(&api, Method::GET, &studied, path, &[]).await));
        }
        studied.body["totalModulesStudied"] = modules.into();
        let answer = api
            .client
            .post(&studied.learner, &studied.course, &studied.body)
            .await;
        assert_eq!(answer.status, 201);
        for (path, had) in studied.reads.iter().zip(before) {
            let answer = ask(&api, Method::GET, &studied, path, &[&had]).await;
            if modules == 1 {
                assert_eq!(answer.status, 304, "{path}");
            } else {
                assert_eq!(answer.status, 200, "{path}");
                assert_ne!(tag(&answer), had);
                assert!(
                    answer.text.contains(r#""totalModulesStudied":9"#),
                    "{answer:?}"
                );
            }
        }
    }
}

async fn head_is_conditional_as_get_is(fixture: &Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    let studied = Studied::new(&api).await;
    for path in &studied.reads {
        let get = ask(&api, Method::GET, &studied, path, &[]).await;
        let head = ask(&api, Method::HEAD, &studied, path, &[]).await;
        assert_eq!((head.status, tag(&head)), (200, tag(&get)), "{path}");
        let head = ask(&api, Method::HEAD, &studied, path, &[&tag(&get)]).await;
        assert_eq!((head.status, tag(&head)), (304, tag(&get)), "{path}");
    }
}

async fn what_is_no_answer_to_a_read_has_no_tag(fixture: &Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    let studied = Studied::new(&api).await;
    let course = format!("/courses/{}", new_id());
    for (path, status) in [
        (course.clone(), 404),
        (format!("{course}/sessions/{}", new_id()), 404),
        (format!("{course}/summary"), 404),
        (format!("{course}/sessions?limit=0"), 400),
        (format!("{course}/activity?to=x"), 400),
        ("/courses?cursor=x".to_owned(), 400),
        ("/health/live".to_owned(), 200),
        ("/health/ready".to_owned(), 200),
    ] {
        let answer = ask(&api, Method::GET, &studied, &path, &["*"]).await;
        assert_eq!(
            (answer.status, answer.header("etag")),
            (status, None),
            "{path}"
        );
    }
    let request = api.client.posting(&studied.learner, &studied.course);
    let answer = send(request.header("If-None-Match", "*").json(&studied.body))
        .await
        .unwrap();
    assert_eq!((answer.status, answer.header("etag")), (201, None));
}
