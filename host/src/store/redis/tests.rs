//! What a Redis server goes through.

use anyhow::{Result, bail, ensure};

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

#[tokio::test]
async fn nothing_is_asked_of_a_server_again_that_refused_a_write_as_a_replica() -> Result<()> {
    let Some(server) = Server::start(&["save \"\""]) else { return Ok(()) };
    let url = url(&server.database())?;
    let (store, seen) = (RedisStore::open(&url).await?, Watermark::default());
    assert_eq!(store.increment("b", "n".into(), 1, &seen).await?, 1);

    // Of a server that is not there: it keeps its data.
    assert_eq!(server.cli(&["REPLICAOF", "127.0.0.1", "1"]), "OK");
    let Err(error) = store.increment("b", "n".into(), 1, &seen).await else { bail!("a replica took a write") };
    ensure!(matches!(error, StoreError::Away { .. }), error);
    let Err(error) = store.get("b", "n", &seen).await else { bail!("a replica was read") };
    ensure!(matches!(error, StoreError::Away { .. }), error);
    for refused in [store.health().await, RedisStore::open(&url).await.map(drop), RedisStore::inspect(&url).await] {
        let Err(error) = refused else { bail!("a replica is a store") };
        ensure!(matches!(error, StoreError::Server { .. }), error);
    }

    assert_eq!(server.cli(&["REPLICAOF", "NO", "ONE"]), "OK");
    while store.health().await.is_err() {
        tokio::task::yield_now().await;
    }
    assert_eq!(store.increment("b", "n".into(), 1, &seen).await?, 2);
    Ok(())
}
