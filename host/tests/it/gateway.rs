//! What the gateway does with the requests of a route beside its service.

mod auth;
mod authorizer;
mod basic;
mod identity;
mod issuer;
mod jwt;
mod keys;
