//! Who is let in, and what those are told who are not.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use anyhow::{Result, bail};

use super::{Login, PostgresStore, PostgresUrl, Server, url};
use crate::manifest::PostgresHost;

#[tokio::test]
async fn says_why_it_is_not_let_in() -> Result<()> {
    let Some(server) = Server::shared() else { return Ok(()) };
    let folder = tempfile::tempdir()?;
    let passfile = |name: &str, line: &str| {
        let path = folder.path().join(name);
        fs::write(&path, line)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
        anyhow::Ok(Some(path))
    };
    let good = url(&server.database())?;
    let read_only = url(&server.database())?.database;
    server.psql("postgres", &format!("ALTER DATABASE {read_only} SET default_transaction_read_only = on"));
    let port = |port| vec![PostgresHost { name: "127.0.0.1".into(), port }];
    for (url, advice) in [
        (
            PostgresUrl { passfile: passfile("wrong", "*:*:*:*:wr0ng")?, ..good.clone() },
            "look at the user \"postgres\"",
        ),
        (PostgresUrl { user: "nobody".into(), ..good.clone() }, "look at the user \"nobody\""),
        (PostgresUrl { passfile: passfile("none", "")?, ..good.clone() }, ":postgres:PASSWORD into ~/.pgpass"),
        (PostgresUrl { passfile: Some("/nowhere".into()), ..good.clone() }, "put the password file right"),
        (PostgresUrl { database: read_only, ..good.clone() }, "name the server that takes writes"),
        (PostgresUrl { database: "missing".into(), ..good.clone() }, "create the database \"missing\""),
        (PostgresUrl { hosts: port(1), ..good.clone() }, "start its server, or correct host and port"),
    ] {
        for tried in [PostgresStore::open(&url).await.map(drop), PostgresStore::inspect(&url).await] {
            let Err(error) = tried else { bail!("let in although: {advice}") };
            let said = format!("{:#}", anyhow::Error::new(error));
            assert!(said.contains(advice) && said.contains("127.0.0.1"), "{said}");
            assert!(!said.contains("wr0ng") && !said.contains("secret"), "{said}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn believes_a_server_as_far_as_sslmode_says() -> Result<()> {
    let Some(server) = Server::shared() else { return Ok(()) };
    let plain = server.database();
    let plain = plain.replace("?sslmode=disable", "?");
    let root = format!("&sslrootcert={}", server.file("ca.pem").display());
    let named = plain.replace("127.0.0.1", "localhost");
    for (text, encrypted) in [
        (format!("{plain}&sslmode=disable"), Some(false)),
        (format!("{plain}&sslmode=prefer"), Some(true)),
        (format!("{plain}&sslmode=require"), Some(true)),
        // Its certificate is for localhost, and nobody that the system knows made it.
        (format!("{plain}&sslmode=verify-ca{root}"), Some(true)),
        (format!("{plain}&sslmode=verify-full{root}"), None),
        (format!("{named}&sslmode=verify-full{root}"), Some(true)),
        (format!("{named}&sslmode=verify-full"), None),
        (format!("{named}&sslmode=verify-ca"), None),
    ] {
        let connected = match Login::new(&url(&text)?) {
            Ok(login) => login.connect().await,
            Err(error) => Err(error),
        };
        match (connected, encrypted) {
            (Ok((client, _driver)), Some(encrypted)) => {
                let used = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
                assert_eq!(client.query_one(used, &[]).await?.get::<_, bool>(0), encrypted, "{text}");
            }
            (Err(error), None) => {
                let said = error.to_string();
                assert!(said.contains("sslrootcert="), "{text}: {said}");
            }
            (Ok(_), None) => bail!("{text} was believed"),
            (Err(error), Some(_)) => return Err(anyhow::Error::new(error).context(text)),
        }
    }
    Ok(())
}
