//! Why services cannot be composed.

use crate::{defect::Defect, manifest::NoService};

/// Why services cannot be composed, and what would be right.
#[derive(Debug, thiserror::Error)]
pub enum ComposeError {
    /// The manifest has no such service.
    #[error(transparent)]
    UnknownService(#[from] NoService),
    /// A router would have nothing to do.
    #[error("no service has a route, so there is nothing to put a router before; name a service to compose it alone")]
    NoRoutes,
    /// The router is WASI 0.2.
    #[error(
        "service `{service}` answers HTTP by `{handler}` of WASI 0.3, and the router speaks 0.2; \
         build it for `wasi:http/incoming-handler@0.2`, or compose it alone: `dovetail compose {service}`"
    )]
    Async {
        /// The service that has routes.
        service: String,
        /// What it exports.
        handler: String,
    },
    /// It has routes, but nothing that answers.
    #[error(
        "service `{service}` has routes, but its component does not export `wasi:http/incoming-handler`; remove its \
         routes, or build it to answer HTTP"
    )]
    NoHandler {
        /// The service that has routes.
        service: String,
    },
    /// Nobody would deliver it.
    #[error(
        "service `{service}` emits events of `{interface}`, and other hosts keep and deliver none; with `--events call` \
         each is a plain call of `{subscriber}`, which `{service}` waits for and fails with"
    )]
    Event {
        /// Who emits.
        service: String,
        /// The interface as it imports it.
        interface: String,
        /// Who is told.
        subscriber: String,
    },
    /// A call has one callee.
    #[error(
        "service `{service}` emits events of `{interface}`, which other hosts keep and deliver none of, and which has \
         several subscribers: {subscribers}; a plain call has one, so leave the others out of `subscribers`"
    )]
    Subscribers {
        /// Who emits.
        service: String,
        /// The interface as it imports it.
        interface: String,
        /// Who is told.
        subscribers: String,
    },
    /// A composition instantiates callees first.
    #[error(
        "services would call each other in a circle if events were calls: {services}; a composition can have none, so \
         leave one of these subscribers out"
    )]
    Circle {
        /// The circle, from a service to itself.
        services: String,
    },
    /// What its functions are made of is not known to the composer.
    #[error("the component of `{name}` cannot be composed")]
    Component {
        /// Whose it is.
        name: String,
        /// What the composer says.
        source: anyhow::Error,
    },
    /// What composes them broke on it.
    #[error("the component of `{name}` cannot be composed; that is no fault of its own")]
    Defect {
        /// Whose it is.
        name: String,
        /// What happened.
        source: Defect,
    },
    /// Both sides have the interface, with other types.
    #[error("`{import}`, which `{importer}` imports, cannot be tied to `{exporter}`")]
    Tie {
        /// Who imports.
        importer: String,
        /// What it imports.
        import: String,
        /// Who exports.
        exporter: String,
        /// What the composer says.
        source: anyhow::Error,
    },
    /// It cannot be seen from outside.
    #[error("`{export}` of `{name}` cannot be exported")]
    Export {
        /// Who exports.
        name: String,
        /// What it exports.
        export: String,
        /// What the composer says.
        source: anyhow::Error,
    },
    /// The services cannot be put side by side.
    #[error("the services cannot be composed")]
    Encode(#[source] anyhow::Error),
    /// Something is imported that is not WASI.
    #[error(
        "`{interface}` is left open, and no host of WASI has it; {importers} imports it: add a service that exports it"
    )]
    Open {
        /// The services that want it.
        importers: String,
        /// What is left open.
        interface: String,
    },
    /// It is of this host alone.
    #[error(
        "`{interface}` is Dovetail's own, and no other host has it; {importers} imports it: build it without that \
         import to compose it"
    )]
    Own {
        /// The services that want it.
        importers: String,
        /// What they want.
        interface: String,
    },
    /// Spin has other versions, or nothing of that kind.
    #[error("Spin offers no `{interface}`, which the composition imports; of `{package}` it offers {offered}")]
    NotOnSpin {
        /// What is imported.
        interface: String,
        /// Its package.
        package: String,
        /// What Spin has of that.
        offered: String,
    },
    /// Two services read the same key and are to find different values.
    #[error(
        "services `{one}` and `{other}` have different values for `{key}` in `{table}`, \
         which all services of a composition share; give them one value, or compose them apart"
    )]
    Differs {
        /// A service.
        one: String,
        /// Another.
        other: String,
        /// `config` or `env`.
        table: &'static str,
        /// The key in it.
        key: String,
    },
}

impl ComposeError {
    pub(super) fn event(service: &str, interface: &str, subscriber: &str) -> ComposeError {
        let (service, interface, subscriber) = (service.into(), interface.into(), subscriber.into());
        ComposeError::Event { service, interface, subscriber }
    }

    pub(super) fn subscribers(service: &str, interface: &str, subscribers: &[String]) -> ComposeError {
        let subscribers = listed(subscribers.iter().map(String::as_str));
        ComposeError::Subscribers { service: service.into(), interface: interface.into(), subscribers }
    }

    pub(super) fn circle(services: &[&str]) -> ComposeError {
        let circle: Vec<_> = services.iter().chain(services.first()).copied().collect();
        ComposeError::Circle { services: circle.join(" -> ") }
    }

    /// Something is left over that is not WASI.
    pub(super) fn open(interface: &str, importers: Vec<&str>) -> ComposeError {
        let (importers, interface) = (listed(importers.into_iter()), interface.to_owned());
        match interface.starts_with("dovetail:") {
            true => ComposeError::Own { importers, interface },
            false => ComposeError::Open { importers, interface },
        }
    }
}

fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
