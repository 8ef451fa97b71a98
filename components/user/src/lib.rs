//! The user service: keeps the users, answers for them over HTTP, and is the
//! directory that other services ask.

mod directory;
mod http;
mod users;

/// What the host calls: [`directory`] and [`http`] say what it answers.
struct Service;

#[allow(missing_docs, unsafe_code)]
mod bindings {
    use super::Service;

    wit_bindgen::generate!({
        path: "../../wit",
        world: "user",
        with: {
            "wasi:keyvalue/store@0.2.0-draft": rest::keyvalue::store,
            "wasi:keyvalue/atomics@0.2.0-draft": rest::keyvalue::atomics,
            "wasi:keyvalue/batch@0.2.0-draft": rest::keyvalue::batch,
            "shop:users/directory@0.1.0": generate,
        },
    });

    export!(Service);
    wasip2::http::proxy::export!(Service);
}
