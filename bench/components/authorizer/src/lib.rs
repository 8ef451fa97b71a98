//! Lets everybody do everything, and wants to be asked each time.

use bindings::exports::dovetail::gateway::authorizer::{Decision, Guest, Permission, Request};

struct Authorizer;

#[allow(missing_docs, unsafe_code)]
mod bindings {
    use super::Authorizer;

    wit_bindgen::generate!({
        inline: "
            package bench:gateway;
            world authorizer {
                export dovetail:gateway/authorizer@0.1.0;
            }
        ",
        path: "../../../wit/deps/gateway.wit",
        generate_all,
    });

    export!(Authorizer);
}

impl Guest for Authorizer {
    fn authorize(_: Request) -> Decision {
        Decision::Allow(Permission { headers: Vec::new(), seconds: 0 })
    }
}
