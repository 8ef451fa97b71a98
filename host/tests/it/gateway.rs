//! What the gateway does with the requests of a route beside its service.

mod auth;
mod authorizer;
mod identity;
mod issuer;
mod jwt;
mod keys;
