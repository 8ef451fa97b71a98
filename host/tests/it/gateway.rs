//! What the gateway itself does with the requests of a route, and with their answers.

mod files;
mod headers;
mod redirects;
