//! Which service a request is for: [`Route`]s as manifests have them, the [`Routes`]
//! of an app, and what is [`Answer`]ed where no service is asked.
//!
//! The host's gateway and the router that `dovetail compose` puts before an app both
//! decide by this crate, so that they cannot differ. It knows neither of them: what a
//! request [asks](Asked) are texts here, and what matches is whatever stands for a service.
//!
//! A path is compared as RFC 3986, section 6.2.2, means it: see [`normalised`].

mod answer;
mod host;
mod invalid;
mod methods;
mod path;
mod pattern;
mod route;
mod routes;
mod tree;

pub use answer::Answer;
pub use invalid::Invalid;
pub use path::{normalised, path};
pub use pattern::Pattern;
pub use route::Route;
pub use routes::{Asked, Routes};

use host::Host;
use methods::Methods;
