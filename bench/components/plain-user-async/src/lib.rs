//! A user service of WASI 0.3 that keeps nothing: Alice and Bob are all there is.

use wasip3::exports::http::handler::Guest;
use wasip3::http::types::{ErrorCode, Fields, Request, Response};
use wasip3::{wit_future, wit_stream};

const NAMES: [&str; 2] = ["Alice", "Bob"];

struct PlainUser;

#[allow(missing_docs, unsafe_code)]
mod bindings {
    use super::PlainUser;

    wasip3::http::service::export!(PlainUser);
}

impl Guest for PlainUser {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let path = request.get_path_with_query().unwrap_or_default();
        let id = path.rsplit('/').next().and_then(rest::id);
        let user = id.and_then(|id| Some((id, name(id)?)));
        let (status, body) = match user {
            Some((id, name)) => (200, format!(r#"{{"id":{id},"name":"{name}"}}"#)),
            None => (404, r#"{"error":"User not found"}"#.to_owned()),
        };
        let headers = [
            ("content-type".to_owned(), b"application/json".to_vec()),
            ("content-length".to_owned(), body.len().to_string().into_bytes()),
        ];
        let headers = Fields::from_list(&headers).unwrap_or_else(|_| Fields::new());
        let (mut writer, reader) = wit_stream::new();
        let (_end, ended) = wit_future::new(|| Ok(None));
        let (response, _sent) = Response::new(headers, Some(reader), ended);
        let _ = response.set_status_code(status);
        wit_bindgen::spawn_local(async move {
            writer.write_all(body.into_bytes()).await;
        });
        Ok(response)
    }
}

fn name(id: u64) -> Option<&'static str> {
    NAMES.get(usize::try_from(id).ok()?.checked_sub(1)?).copied()
}
