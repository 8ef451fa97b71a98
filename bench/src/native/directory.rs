//! Who knows the users: this process, or the user service over REST.

use std::net::SocketAddr;

use anyhow::{Result, bail};
use axum::{
    body::Bytes,
    http::{StatusCode, Uri},
};
use http_body_util::{BodyExt, Empty};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};

use super::kept::Kept;

/// Where users are looked up.
pub enum Directory {
    /// Among those that are kept.
    Here,
    /// In another service.
    Elsewhere(Rest),
}

/// The user service, by connections that are kept alive.
pub struct Rest {
    client: Client<HttpConnector, Empty<Bytes>>,
    address: SocketAddr,
}

impl Directory {
    /// Whether there is such a user.
    pub async fn knows(&self, kept: &Kept, id: u64) -> Result<bool> {
        match self {
            Directory::Here => Ok(kept.user(id)?.is_some()),
            Directory::Elsewhere(rest) => rest.knows(id).await,
        }
    }
}

impl Rest {
    /// The service at this address.
    pub fn new(address: SocketAddr) -> Rest {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Rest { client: Client::builder(TokioExecutor::new()).build(connector), address }
    }

    async fn knows(&self, id: u64) -> Result<bool> {
        let user = Uri::try_from(format!("http://{}/users/{id}", self.address))?;
        let answer = self.client.get(user).await?;
        let status = answer.status();
        // To the end, or the connection is not used again.
        answer.into_body().collect().await?;
        match status {
            StatusCode::OK => Ok(true),
            StatusCode::NOT_FOUND => Ok(false),
            other => bail!("the user service answered {other}"),
        }
    }
}
