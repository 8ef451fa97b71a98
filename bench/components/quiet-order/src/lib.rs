//! The shop's order service, of the same source, but it announces nothing: what an event
//! costs is the difference.

#[path = "../../../../components/order/src/http.rs"]
mod http;
#[path = "../../../../components/order/src/orders.rs"]
mod orders;

struct Service;

mod bindings {
    pub mod shop {
        pub use super::imports::shop::users;
        pub(crate) use crate::silence as orders;
    }

    #[allow(missing_docs, unsafe_code)]
    mod imports {
        use crate::Service;

        wit_bindgen::generate!({
            inline: "
                package bench:events;
                world quiet-order {
                    import wasi:keyvalue/store@0.2.0-draft;
                    import wasi:keyvalue/atomics@0.2.0-draft;
                    import wasi:keyvalue/batch@0.2.0-draft;
                    import shop:users/directory@0.1.0;
                }
            ",
            path: "../../../wit",
            with: {
                "wasi:keyvalue/store@0.2.0-draft": rest::keyvalue::store,
                "wasi:keyvalue/atomics@0.2.0-draft": rest::keyvalue::atomics,
                "wasi:keyvalue/batch@0.2.0-draft": rest::keyvalue::batch,
                "shop:users/directory@0.1.0": generate,
            },
        });

        wasip2::http::proxy::export!(Service);
    }
}

/// In the place of `shop:orders`.
mod silence {
    pub mod events {
        /// As the event has it, and read by nobody.
        #[expect(dead_code, reason = "the service writes it, and nobody is told")]
        pub struct Order {
            pub id: u64,
            pub user_id: u64,
            pub item: String,
        }

        pub fn placed(_: &Order) {}
    }
}
