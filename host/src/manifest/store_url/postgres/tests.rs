//! What is read from a URL, and what is said of others.

use super::*;
use crate::manifest::StoreUrl;

fn shown(text: &str) -> Result<String, Invalid> {
    StoreUrl::parse(text, "demo").map(|url| url.to_string())
}

#[test]
fn a_url_is_shown_with_what_it_leaves_to_defaults() {
    for (text, expected) in [
        ("postgres://shop@localhost/{app}", "postgres://shop@localhost:5432/demo?sslmode=prefer"),
        ("postgresql://shop@127.0.0.2:99/a", "postgres://shop@127.0.0.2:99/a?sslmode=prefer"),
        ("postgres://shop@[::1]:99/a", "postgres://shop@[::1]:99/a?sslmode=prefer"),
        ("postgres://shop@[::1]/a", "postgres://shop@[::1]:5432/a?sslmode=prefer"),
        // Nobody is between this host and itself; anybody may be between two.
        ("postgres://shop@db/a", "postgres://shop@db:5432/a?sslmode=verify-full"),
        ("postgres://shop@localhost,db:99/a", "postgres://shop@localhost:5432,db:99/a?sslmode=verify-full"),
        ("postgres://shop@db/a?sslmode=disable", "postgres://shop@db:5432/a?sslmode=disable"),
        (
            "postgres://shop@db/a?sslmode=verify-ca&sslrootcert=ca.pem&passfile=pw",
            "postgres://shop@db:5432/a?sslmode=verify-ca&sslrootcert=ca.pem&passfile=pw",
        ),
        ("postgres://a%40b@db/%C3%A9?sslmode=require", "postgres://a%40b@db:5432/%C3%A9?sslmode=require"),
        ("postgres://shop@/a?host=/run/postgresql", "postgres://shop@%2Frun%2Fpostgresql:5432/a?sslmode=prefer"),
    ] {
        assert_eq!(shown(text), Ok(expected.to_owned()), "{text}");
        assert_eq!(shown(expected), Ok(expected.to_owned()), "it reads as it is shown");
    }
}

#[test]
fn a_mistake_is_named() {
    for (text, reason) in [
        ("postgres:", "has no `//`"),
        ("postgres:shop@db/a", "has no `//`"),
        ("postgres://db/a", "names no user"),
        ("postgres://@db/a", "names no user"),
        ("postgres://shop@/a", "names no host"),
        ("postgres://shop@:5432/a", "names no host"),
        ("postgres://shop@db,/a", "names no host"),
        ("postgres://shop@db", "names no database"),
        ("postgres://shop@db/", "names no database"),
        ("postgres://shop@db:0/a", "has a port"),
        ("postgres://shop@db:65536/a", "has a port"),
        ("postgres://shop@[::1]x/a", "has a port"),
        ("postgres://shop@db/a%2", "has a percent sign"),
        ("postgres://shop@db/a%00", "has a percent sign"),
        ("postgres://shop@db/a?sslmode=allow", "has an `sslmode`"),
        ("postgres://shop@db/a?passfile=", "has an empty `passfile`"),
        ("postgres://shop@db/a?host=/run", "names its host twice"),
        ("postgres://shop@/a?host=db", "has `host=` without a folder"),
        ("postgres://shop@db/a?connect_timeout=3", "has the parameter `connect_timeout`"),
        ("postgres://shop@db/a?sslmode=require&sslrootcert=ca.pem", "has `sslrootcert`"),
    ] {
        let Err(invalid) = shown(text) else { panic!("{text} was taken") };
        assert!(invalid.reason.starts_with(reason), "{text}: {invalid}");
    }
}

#[test]
fn what_may_be_a_password_is_not_repeated() {
    for text in [
        "postgres://shop:s3cret@db/a",
        "postgres://shop:@db/a",
        "postgres://shop:s3@cret@db/a",
        "postgres://shop:s3/cret@db/a",
        "postgres://shop:s3%cret@db/a",
        "postgres://shop@db/a?password=s3cret",
    ] {
        let Err(invalid) = shown(text) else { panic!("{text} was taken") };
        assert!(
            invalid.reason.starts_with("has a password") && invalid.help.contains("~/.pgpass"),
            "{text}: {invalid}"
        );
    }
    // These are not seen to be one.
    for text in ["postgres://shop:s3?cret@db/a", "postgres://shop:s3?cret=@db/a", "postgres://shop@db:s3cret/a"] {
        let Err(invalid) = shown(text) else { panic!("{text} was taken") };
        let said = invalid.to_string();
        assert!(!said.contains("s3") && !said.contains("cret"), "{text}: {said}");
    }
}

#[test]
fn relative_paths_start_at_the_folder() {
    let url = PostgresUrl::parse("//u@db/a?sslrootcert=ca.pem&passfile=/run/pw", "demo");
    let url = url.map(|url| url.relative_to(Path::new("/app")));
    let paths = url.map(|url| (url.root, url.passfile));
    assert_eq!(paths, Ok((Some("/app/ca.pem".into()), Some("/run/pw".into()))));
}
