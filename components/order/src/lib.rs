//! The order service: takes orders from those whom the directory knows, and announces
//! them.

mod http;
mod orders;

/// What the host calls: [`http`] says what it answers.
struct Service;

#[allow(missing_docs, unsafe_code)]
mod bindings {
    use super::Service;

    wit_bindgen::generate!({
        path: "../../wit",
        world: "order",
        with: {
            "wasi:keyvalue/store@0.2.0-draft": rest::keyvalue::store,
            "wasi:keyvalue/atomics@0.2.0-draft": rest::keyvalue::atomics,
            "wasi:keyvalue/batch@0.2.0-draft": rest::keyvalue::batch,
            "shop:users/directory@0.1.0": generate,
            "shop:orders/events@0.1.0": generate,
        },
    });

    wasip2::http::proxy::export!(Service);
}
