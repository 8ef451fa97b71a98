//! Talking to the admin API.

use http::{Method, StatusCode, header::USER_AGENT};
use serde_json::Value;

use super::{Answer, Client, Host, request};

/// Who swaps, in these tests.
pub const TESTER: &str = "tests/1 (tester@here)";

impl Host {
    /// Ask the admin API.
    pub async fn admin(&self, path: &str) -> Answer {
        self.manage(Method::GET, path, "").await
    }

    /// Have the admin API do something.
    pub async fn manage(&self, method: Method, path: &str, body: impl Into<bytes::Bytes>) -> Answer {
        let mut request = request(method, path, body);
        request.headers_mut().insert(USER_AGENT, TESTER.parse().expect("a header value"));
        Client::http1(self.admin).await.send(request).await
    }

    /// Ask for a swap.
    pub async fn put(&self, service: &str, component: &[u8]) -> Answer {
        self.manage(Method::PUT, &format!("/v1/services/{service}/component"), component.to_vec()).await
    }

    /// Swap, which must go well. The answer has what came of it.
    pub async fn swap(&self, service: &str, component: &[u8]) -> Value {
        done(self.put(service, component).await)
    }

    /// Swap to a component of many MB, which must go well, however long it takes to
    /// compile beside all that goes on.
    pub async fn swap_large(&self, service: &str, component: &[u8]) -> Value {
        let path = format!("/v1/services/{service}/component");
        let upload = request(Method::PUT, &path, component.to_vec());
        done(Client::http1(self.admin).await.try_send(upload).await.expect("an answer"))
    }

    /// Try a component, which must be taken.
    pub async fn canary(&self, service: &str, component: &[u8], terms: &str) -> Value {
        let path = format!("/v1/services/{service}/component?{terms}");
        done(self.manage(Method::PUT, &path, component.to_vec()).await)
    }

    /// Roll back or promote, whatever comes of it.
    pub async fn decide(&self, service: &str, what: &str) -> Answer {
        self.manage(Method::POST, &format!("/v1/services/{service}/{what}"), "").await
    }

    /// The revisions that were replaced last, when they are gone.
    pub async fn drained(&self, service: &str) -> Vec<Value> {
        list(done(self.admin(&format!("/v1/services/{service}/drained")).await), "drained")
    }

    /// What is recorded of a service, newest first.
    pub async fn history(&self, service: &str) -> Vec<Value> {
        list(done(self.admin(&format!("/v1/services/{service}/history")).await), "history")
    }

    /// What the live directory of [`super::made::relay_and_directory`] calls
    /// everybody.
    pub async fn name(&self) -> String {
        let answer = self.get("/relay/5").await;
        assert_eq!((answer.status, &answer.json()["id"]), (StatusCode::OK, &5.into()), "{answer:?}");
        answer.json()["name"].as_str().expect("a name").to_owned()
    }

    /// What the admin API says of a service.
    pub async fn service(&self, name: &str) -> Value {
        let services = list(self.admin("/v1/services").await.json(), "services");
        services.into_iter().find(|service| service["name"] == name).expect("such a service")
    }

    /// How many instances of a service serve a call.
    pub async fn busy(&self, service: &str) -> u64 {
        self.service(service).await["instances"]["busy"].as_u64().expect("a number")
    }
}

fn done(answer: Answer) -> Value {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    answer.json()
}

fn list(mut answer: Value, key: &str) -> Vec<Value> {
    std::mem::take(answer[key].as_array_mut().expect("a list"))
}
