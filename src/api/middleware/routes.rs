//! Routes of the API: patterns and allowed methods.

use std::sync::{Arc, OnceLock};

use poem::http::Method;
use poem_openapi::OpenApi;
use poem_openapi::registry::{MetaOperation, MetaParamIn};

use crate::api::{Operations, docs};

/// All routes, by number.
pub(crate) struct Routes {
    routes: Vec<Route>,
    /// Patterns of poem with route numbers. A linear search is the fastest for so few.
    numbers: OnceLock<Vec<(String, usize)>>,
}

/// Route.
pub(crate) struct Route {
    /// Pattern in the document.
    pub(crate) pattern: String,
    /// Methods, without HEAD.
    pub(crate) methods: Vec<Method>,
    /// Value of the header `Allow`.
    pub(crate) allowed: String,
    /// Names of the query parameters of `GET`; empty where `GET` ignores the query.
    pub(crate) parameters: Vec<String>,
}

impl Routes {
    /// Routes of the document and of the pages.
    pub(crate) fn new() -> Arc<Self> {
        let paths = Operations::meta().into_iter().flat_map(|api| api.paths);
        let documented = paths.map(|path| {
            let operations = path.operations.iter();
            let methods: Vec<_> = operations
                .map(|operation| operation.method.clone())
                .collect();
            Route {
                allowed: allow(&methods),
                methods,
                parameters: parameters(&path.operations),
                pattern: path.path,
            }
        });
        let pages = docs::PATHS.map(|path| Route {
            pattern: path.to_owned(),
            allowed: allow(&[Method::GET]),
            methods: vec![Method::GET],
            parameters: Vec::new(),
        });
        let routes = documented.chain(pages);
        Arc::new(Self {
            routes: routes.collect(),
            numbers: OnceLock::new(),
        })
    }

    /// Registers the patterns of poem.
    pub(crate) fn register<'a>(&self, patterns: impl IntoIterator<Item = &'a String>) {
        let numbers = patterns.into_iter().filter_map(|pattern| {
            let number = self.position(|route| shape(route).eq(shape(pattern)))?;
            Some((pattern.clone(), number))
        });
        let _ = self.numbers.set(numbers.collect());
    }

    /// Number of the route with a pattern of poem.
    pub(crate) fn by_pattern(&self, pattern: &str) -> Option<usize> {
        let mut numbers = self.numbers.get()?.iter();
        let operation = numbers.find(|(known, _)| known == pattern);
        // The patterns of the pages are equal in poem and in the document.
        let page = || self.position(|route| route == pattern);
        operation.map(|(_, number)| *number).or_else(page)
    }

    /// Number of the route of a request's path.
    pub(crate) fn by_path(&self, path: &str) -> Option<usize> {
        let matches = |route: &str| {
            let (mut segments, mut expected) = (path.split('/'), shape(route));
            let fits = |segment, expected| expected == PARAMETER || segment == expected;
            loop {
                match (segments.next(), expected.next()) {
                    (None, None) => return true,
                    (Some(segment), Some(expected)) if fits(segment, expected) => {}
                    _ => return false,
                }
            }
        };
        self.position(matches)
    }

    pub(crate) fn get(&self, number: usize) -> Option<&Route> {
        self.routes.get(number)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Route> {
        self.routes.iter()
    }

    fn position(&self, matches: impl Fn(&str) -> bool) -> Option<usize> {
        let mut routes = self.routes.iter();
        routes.position(|route| matches(&route.pattern))
    }
}

/// Names of the query parameters of `GET`. No other method has query parameters.
fn parameters(operations: &[MetaOperation]) -> Vec<String> {
    let get = operations
        .iter()
        .filter(|operation| operation.method == Method::GET);
    let parameters = get.flat_map(|operation| &operation.params);
    let query = parameters.filter(|parameter| parameter.in_type == MetaParamIn::Query);
    query.map(|parameter| parameter.name.clone()).collect()
}

/// Value of `Allow` for the methods of a route: HEAD is allowed where GET is.
fn allow(methods: &[Method]) -> String {
    let mut names: Vec<_> = methods.iter().map(Method::as_str).collect();
    if methods.contains(&Method::GET) {
        names.push(Method::HEAD.as_str());
    }
    names.sort_unstable();
    names.join(", ")
}

/// Stand-in for every parameter of a pattern.
const PARAMETER: &str = "*";

/// Segments of a pattern, with [`PARAMETER`] for each parameter: poem-openapi names parameters in routes
/// differently from the document.
fn shape(pattern: &str) -> impl Iterator<Item = &str> {
    pattern.split('/').map(|segment| {
        if segment.starts_with([':', '{']) {
            PARAMETER
        } else {
            segment
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_matches_the_route_with_equal_segments() {
        let routes = Routes::new();
        for (path, route) in [
            ("/courses", Some("/courses")),
            ("/courses/x", Some("/courses/{courseId}")),
            ("/courses/x/summary", Some("/courses/{courseId}/summary")),
            ("/courses/x/learners", Some("/courses/{courseId}/learners")),
            (
                "/courses/x/sessions/y",
                Some("/courses/{courseId}/sessions/{sessionId}"),
            ),
            ("/", Some("/")),
            ("/docs", Some("/docs")),
            ("/courses/x/nothing", None),
            ("/courses/x/sessions/y/z", None),
            ("", None),
        ] {
            let number = routes.by_path(path);
            let found = number.and_then(|number| routes.get(number));
            assert_eq!(found.map(|route| &*route.pattern), route, "{path}");
        }
    }
}
