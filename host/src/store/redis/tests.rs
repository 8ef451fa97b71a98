//! What a Redis server goes through.

use anyhow::{Result, bail};

use super::*;
use crate::manifest::StoreUrl;
use crate::store::servers::redis::Server;

fn url(text: &str) -> Result<RedisUrl> {
    match StoreUrl::parse(text, "test")? {
        StoreUrl::Redis(url) => Ok(url),
        other => bail!("{other} is another store"),
    }
}

#[tokio::test]
async fn believes_a_server_that_has_the_names_certificate() -> Result<()> {
    let (Some(server), Some(other)) = (Server::encrypted(), Server::encrypted()) else { return Ok(()) };
    let good = server.database();
    let root = format!("&sslrootcert={}", server.file("ca.pem").display());
    let others = format!("&sslrootcert={}", other.file("ca.pem").display());
    let certificate = "who vouches for it by ?sslrootcert=FILE";
    for (text, refused) in [
        (good.clone(), None),
        // It is for localhost, and nobody that the system knows made it.
        (good.replace("localhost", "127.0.0.1"), Some(certificate)),
        (good.replace(&root, ""), Some(certificate)),
        (good.replace(&root, &others), Some(certificate)),
        (good.replace(&root, "&sslrootcert=/nowhere/ca.pem"), Some("the store url")),
        // A server that talks over TLS alone, and the other way round.
        (good.replace("rediss", "redis").replace(&root, ""), Some("start its server, or correct host and port")),
    ] {
        let opened = match RedisStore::open(&url(&text)?).await {
            Ok(store) => store.increment("b", "n".into(), 1, &Watermark::default()).await,
            Err(error) => Err(error),
        };
        match (opened, refused) {
            (Ok(sum), None) => assert_eq!(sum, 1),
            (Err(error), Some(told)) => assert!(error.to_string().contains(told), "{text}: {error}"),
            (Ok(_), Some(_)) => bail!("{text} was believed"),
            (Err(error), None) => return Err(anyhow::Error::new(error).context(text)),
        }
    }
    Ok(())
}
