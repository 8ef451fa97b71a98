//! Which service answers which path.

use std::sync::Arc;

use anyhow::{Context, Result};

use crate::{app::App, service::Service};

/// The routes of an app: exact segments before `{param}`, and that before a
/// trailing `*`.
pub struct Routes(matchit::Router<Arc<Service>>);

impl Routes {
    /// The routes of an app. The manifest has checked that none conflict.
    pub fn new(app: &App) -> Result<Routes> {
        let mut router = matchit::Router::new();
        for (route, place) in &app.routes {
            for pattern in route.patterns_for_matchit() {
                let service = app.services[*place].clone();
                router.insert(pattern, service).with_context(|| format!("route {:?}", route.as_str()))?;
            }
        }
        Ok(Routes(router))
    }

    /// The service that answers a path, if any does.
    pub fn find(&self, path: &str) -> Option<&Arc<Service>> {
        self.0.at(path).ok().map(|found| found.value)
    }
}
