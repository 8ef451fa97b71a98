//! The notice service: keeps a notice for its user of each order that is announced.

mod events;
mod http;
mod notices;

/// What the host calls: [`events`] and [`http`] say what it answers.
struct Service;

#[allow(missing_docs, unsafe_code)]
mod bindings {
    use super::Service;

    wit_bindgen::generate!({
        path: "../../wit",
        world: "notices",
        with: {
            "wasi:keyvalue/store@0.2.0-draft": rest::keyvalue::store,
            "wasi:keyvalue/atomics@0.2.0-draft": rest::keyvalue::atomics,
            "wasi:keyvalue/batch@0.2.0-draft": rest::keyvalue::batch,
            "shop:orders/events@0.1.0": generate,
        },
    });

    export!(Service);
    wasip2::http::proxy::export!(Service);
}
