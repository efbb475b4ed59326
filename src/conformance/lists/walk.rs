//! The walk through the pages of a list.

use serde_json::{Value, json};

use crate::conformance::harness::{CheckResult, Instance, Mismatch, Response};

/// Expects a page: the list and at most a cursor. Returns both.
pub(super) fn page(response: &Response, member: &str) -> CheckResult<(Vec<Value>, Option<String>)> {
    response.has_status(200)?;
    let body = response.json()?;
    let cursor = &body["nextCursor"];
    let known = [body.get(member), body.get("nextCursor")];
    let members = body.as_object().map(serde_json::Map::len);
    let cursor_is_text = cursor.is_null() || cursor.as_str().is_some_and(|text| !text.is_empty());
    let is_page = members == Some(known.iter().flatten().count()) && cursor_is_text;
    response.expect(
        is_page,
        format_args!("a list of {member}, and nextCursor or none"),
    )?;
    let items = body[member].as_array();
    let items = items.ok_or_else(|| response.mismatch(format_args!("a list of {member}")))?;
    Ok((items.clone(), cursor.as_str().map(str::to_owned)))
}

/// Returns all items of a list. Expects pages of `limit` items; the last page may have fewer, and no page is
/// empty.
pub(super) async fn walk(
    api: &Instance,
    learner: &str,
    path: &str,
    limit: usize,
) -> CheckResult<Vec<Value>> {
    let member = path.rsplit('/').next().unwrap_or_default();
    let mut all = Vec::new();
    let mut next = String::new();
    loop {
        let query = format!("{path}?limit={limit}{next}");
        let response = api.get(learner, &query).await?;
        let (items, cursor) = page(&response, member)?;
        let full = items.len() == limit || (cursor.is_none() && !items.is_empty());
        response.expect(full && items.len() <= limit, "a full page, or the last one")?;
        all.extend(items);
        match cursor {
            Some(cursor) => next = format!("&cursor={cursor}"),
            None => return Ok(all),
        }
        response.expect(all.len() < 1_000, "an end of the list")?;
    }
}

/// Expects the items of all pages together.
pub(super) fn same(found: &[Value], expected: &[Value]) -> CheckResult {
    let [found, expected] = [found, expected].map(|list| json!(list).to_string());
    if found == expected {
        return Ok(());
    }
    let text = format!("all pages together: expected {expected}, got {found}");
    Err(Mismatch::new(text))
}
