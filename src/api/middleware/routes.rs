//! The routes of the API: what they are called, and what they allow.

use std::sync::{Arc, OnceLock};

use poem::http::Method;
use poem_openapi::OpenApi;

use crate::api::{Operations, docs};

/// All routes, each known by its number.
pub(crate) struct Routes {
    routes: Vec<Route>,
    /// What poem knows the routes by, each with its number: so few that to look through all of them is
    /// the fastest way.
    numbers: OnceLock<Vec<(String, usize)>>,
}

/// A route.
pub(crate) struct Route {
    /// As the document has it.
    pub(crate) pattern: String,
    /// Its methods, without HEAD.
    pub(crate) methods: Vec<Method>,
    /// Its methods, as `Allow` lists them.
    pub(crate) allowed: String,
}

impl Routes {
    pub(crate) fn new() -> Arc<Self> {
        let paths = Operations::meta().into_iter().flat_map(|api| api.paths);
        let documented = paths.map(|path| {
            let methods = path.operations.into_iter().map(|one| one.method);
            (path.path, methods.collect())
        });
        let pages = docs::PATHS.map(|path| (path.to_owned(), vec![Method::GET]));
        let routes = documented.chain(pages).map(|(pattern, methods)| Route {
            allowed: allow(&methods),
            methods,
            pattern,
        });
        Arc::new(Self {
            routes: routes.collect(),
            numbers: OnceLock::new(),
        })
    }

    /// Takes note of what poem knows the routes by.
    pub(crate) fn learn<'a>(&self, patterns: impl IntoIterator<Item = &'a String>) {
        let numbers = patterns.into_iter().filter_map(|pattern| {
            let number = self.numbered(|route| shape(route).eq(shape(pattern)))?;
            Some((pattern.clone(), number))
        });
        let _ = self.numbers.set(numbers.collect());
    }

    /// The number of the route that poem knows by this pattern.
    pub(crate) fn by_pattern(&self, pattern: &str) -> Option<usize> {
        let mut learnt = self.numbers.get()?.iter();
        let learnt = learnt.find(|(known, _)| known == pattern);
        // The pages are known by what they are.
        let page = || self.numbered(|route| route == pattern);
        learnt.map(|(_, number)| *number).or_else(page)
    }

    /// The number of the route that a path is on.
    pub(crate) fn by_path(&self, path: &str) -> Option<usize> {
        let is_on = |route: &str| {
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
        self.numbered(is_on)
    }

    pub(crate) fn get(&self, number: usize) -> Option<&Route> {
        self.routes.get(number)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Route> {
        self.routes.iter()
    }

    fn numbered(&self, is_meant: impl Fn(&str) -> bool) -> Option<usize> {
        let mut routes = self.routes.iter();
        routes.position(|route| is_meant(&route.pattern))
    }
}

/// HEAD goes where GET does.
fn allow(methods: &[Method]) -> String {
    let mut names: Vec<_> = methods.iter().map(Method::as_str).collect();
    if methods.contains(&Method::GET) {
        names.push(Method::HEAD.as_str());
    }
    names.sort_unstable();
    names.join(", ")
}

const PARAMETER: &str = "*";

/// The segments of a route's pattern, with [`PARAMETER`] for each parameter, however it is spelled:
/// poem-openapi names the parameters otherwise in its routes than in its document.
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
    fn a_path_is_on_the_route_that_it_fits() {
        let routes = Routes::new();
        for (path, route) in [
            ("/courses", Some("/courses")),
            ("/courses/x", Some("/courses/{courseId}")),
            ("/courses/x/summary", Some("/courses/{courseId}/summary")),
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
