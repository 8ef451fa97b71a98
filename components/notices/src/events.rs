//! What happens to orders, as it is told.

use std::io::Write;

use crate::bindings::exports::shop::orders::events::{Guest, Order};
use crate::{Service, notices};

impl Guest for Service {
    /// There is no result to fail by, and a notice that is not kept must fail the call:
    /// so it traps, with the reason in the log, and the host tells of the order again.
    fn placed(order: Order) {
        if let Err(error) = notices::add(&order) {
            // Not `eprintln!`, which panics where a host closed stderr.
            let _ = writeln!(std::io::stderr(), "order {} is not noted: {error}", order.id);
            std::process::abort();
        }
    }
}
