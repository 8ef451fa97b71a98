//! What the gateway does with requests beside giving them to a service.

mod rates;
mod shedding;
