//! Manifests and the reports they get: each `NAME.toml` in `tests/manifests`
//! beside the `NAME.txt` that a user would read. `UPDATE_EXPECT=1 cargo test`
//! writes the texts anew; read the diff before you keep it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{
    Asks, AuthManifest, Authorize, Backoff, ByteSize, KeySource, Manifest, Missed, Parked, Policy, Proof, Protocol,
    ScheduleManifest, ServiceManifest, Start, TokenManifest, listen_address,
};

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/manifests")
}

#[test]
fn every_manifest_gets_its_report() -> Outcome {
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    let mut seen = 0;
    let mut wrong = Vec::new();
    for entry in fs::read_dir(folder())? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        seen += 1;
        // By its name alone, so that the text is the same on every machine.
        let name = Path::new(path.file_name().unwrap_or_default());
        let report = match Manifest::parse(name, &fs::read_to_string(&path)?) {
            Ok(_) => "fine\n".to_owned(),
            Err(report) => format!("{report}\n"),
        };
        assert!(!report.contains("s3cret") && !report.contains("t0ken"), "{report}");
        let expected = path.with_extension("txt");
        if update {
            fs::write(&expected, &report)?;
        } else if fs::read_to_string(&expected).unwrap_or_default() != report {
            wrong.push(format!("{} gets\n{report}", name.display()));
        }
    }
    assert!(seen > 0, "no manifests in {}", folder().display());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

#[test]
fn the_smallest_manifest_has_every_default() -> Outcome {
    let text = "[app]\nname = \"shop\"\n[service.user]\ncomponent = \"user.wasm\"\n";
    let manifest = Manifest::parse(Path::new("dovetail.toml"), text)?;
    assert_eq!(manifest.gateway.listen, [listen_address("127.0.0.1:8080")?]);
    assert!(manifest.gateway.trusted.is_empty() && !manifest.gateway.proxy_protocol);
    assert_eq!(manifest.admin.listen.to_string(), "127.0.0.1:9090");
    assert_eq!(manifest.store.to_string(), "sqlite:data/shop.db");
    assert_eq!(manifest.dir(), Path::new("."));
    let user = manifest.service("user").ok_or("no user")?;
    assert_eq!(user.component.file(), Path::new("user.wasm"));
    assert_eq!(user.limits.memory, ByteSize::mib(64));
    assert_eq!(user.limits.deadline.as_secs(), 10);
    assert_eq!((user.limits.instances, user.limits.reuse), (64, 1000));
    assert_eq!(user.limits.body, ByteSize::mib(1));
    assert_eq!(user.limits.value, ByteSize::mib(1));
    assert!(user.build.is_none() && user.routes.is_empty() && user.outbound.is_empty());
    assert!(!user.atomic && manifest.events.is_empty() && manifest.schedules.is_empty());
    Ok(())
}

#[test]
fn every_key_reaches_its_field() -> Outcome {
    let path = folder().join("full.toml");
    let manifest = Manifest::load(&path)?;
    assert_eq!(manifest.gateway.listen, [listen_address("127.0.0.1:0")?, listen_address("localhost:0")?]);
    assert_eq!(manifest.gateway.trusted.iter().map(ToString::to_string).collect::<Vec<_>>(), ["10.0.0.0/8", "::1/128"]);
    assert!(manifest.gateway.proxy_protocol);
    assert_eq!(manifest.admin.listen.to_string(), "0.0.0.0:0");
    let tls = manifest.gateway.tls.as_ref().ok_or("no TLS")?;
    let secret = folder().join("secrets/shop.key");
    let expected = format!("{}, {}, /a.pem, /a.key", folder().join("shop.pem").display(), secret.display());
    assert_eq!((tls.to_string(), tls.pairs.len()), (expected, 2));
    assert_eq!(manifest.gateway.redirect.as_ref().map(ToString::to_string).as_deref(), Some("0.0.0.0:80"));
    let tls = manifest.admin.tls.as_ref().ok_or("no TLS")?;
    assert_eq!((&tls.pairs[0].key, &tls.clients), (&folder().join("admin.key"), &Some(folder().join("clients.pem"))));
    assert_eq!(manifest.admin.token_file, Some(folder().join("secrets/admin.token")));
    assert_eq!(manifest.store.to_string(), "memory:");
    assert_eq!(manifest.services.iter().map(|s| &s.name).collect::<Vec<_>>(), ["order", "user"]);
    let order = manifest.service("order").ok_or("no order")?;
    assert_eq!(order.component.file(), folder().join("order.wasm"));
    assert_eq!(order.build.as_deref(), Some("make order"));
    assert_eq!(order.watch, [folder().join("order/src"), folder().join("wit")]);
    let shown = |service: &ServiceManifest| service.routes.iter().map(|it| it.route.to_string()).collect::<Vec<_>>();
    assert_eq!(shown(order), ["/orders", "GET,PUT shop.example/orders/{id}", "/receipts/*"]);
    assert_eq!(
        order.routes[0].policy,
        Policy {
            timeout: Some(Duration::from_secs(5)),
            auth: Some(Asks::Everybody),
            authorize: Some(Authorize::Nobody),
            ..Policy::default()
        }
    );
    assert!(order.buckets.contains("orders"));
    assert_eq!(order.config["currency"], "EUR");
    assert_eq!(order.env["LOG"], "debug");
    assert!(order.outbound[0].allows("https", "pay.example.com", 443));
    assert_eq!(order.links["shop:users/directory@0.1.0"], "user");
    assert_eq!(order.limits.memory, ByteSize::mib(16));
    assert_eq!(order.limits.deadline.as_millis(), 500);
    assert_eq!((order.limits.instances, order.limits.reuse), (8, 1));
    assert_eq!(order.limits.body, ByteSize(0));
    assert_eq!(order.limits.value, ByteSize::mib(2));
    assert_eq!(order.limits.drain.as_secs(), 60);
    assert_eq!(order.probe.as_ref().map(ToString::to_string).as_deref(), Some("/orders/1?probe"));
    let user = manifest.service("user").ok_or("no user")?;
    assert!(order.atomic && !user.atomic);
    assert_eq!(shown(user), ["POST *.example/users x-beta=* x-version=2"]);
    let (auth, scopes) = (Some(Asks::Known(vec!["login".into(), "keys".into()])), Some(vec!["users:write".into()]));
    let headers = vec![http::HeaderName::from_static("x-tenant")];
    let authorize = Some(Authorize::Service { name: "order".into(), headers });
    let policy =
        Policy { timeout: Some(Duration::from_secs(1)), body: Some(ByteSize::kib(2)), auth, scopes, authorize };
    assert_eq!(user.routes[0].policy, policy);
    Ok(())
}

#[test]
fn an_auth_has_what_its_table_says() -> Outcome {
    let manifest = Manifest::load(&folder().join("full.toml"))?;
    let [keys, login, own, people] = &manifest.auths[..] else { return Err("not four".into()) };
    assert_eq!(people.proof, Proof::Basic(folder().join("users.htpasswd")));
    assert_eq!((keys.name.as_str(), &keys.proof), ("keys", &Proof::ApiKey(folder().join("keys.toml"))));
    let token = |issuer: &str, audience: &[&str], keys: KeySource| {
        let audience = audience.iter().map(ToString::to_string).collect();
        Proof::Token(TokenManifest { issuer: issuer.to_owned(), audience, keys })
    };
    let asked = KeySource::Issuer { ca: Some(folder().join("ca.pem")) };
    let expected = token("https://login.example", &["shop", "api"], asked);
    assert_eq!(login, &AuthManifest { name: "login".into(), proof: expected, forward: true });
    assert_eq!(own.proof, token("own", &["shop"], KeySource::Set(folder().join("jwks.json"))));
    Ok(())
}

#[test]
fn an_event_has_what_its_table_says() -> Outcome {
    let manifest = Manifest::load(&folder().join("full.toml"))?;
    let [audit, orders] = &manifest.events[..] else { return Err("not two events".into()) };
    assert_eq!(orders.interface, "shop:orders/events@0.1.0");
    assert_eq!(orders.subscribers, ["user", "order"]);
    assert_eq!(orders.key.as_deref(), Some("order.user-id"));
    assert_eq!(orders.attempts, 3);
    let (first, most) = (Duration::from_millis(100), Duration::from_secs(60));
    assert_eq!(orders.backoff, Backoff { first, most });
    assert_eq!((orders.parked, orders.start), (Parked::Pass, Start::Oldest));
    assert_eq!(orders.limits.waiting, 1_000);
    assert_eq!(orders.keep, Duration::from_secs(3 * 86_400));
    let transport = orders.transport.as_ref().ok_or("no transport")?;
    assert_eq!(transport.protocol, Protocol::Nats);
    let passfile = folder().join("nats.password");
    let shown = format!("nats+tls://shop@a:4223,[::1]:4222?passfile={}&sslrootcert=/ca.pem", passfile.display());
    assert_eq!(transport.to_string(), shown);
    assert_eq!(audit.interface, "shop:audit/log");
    assert_eq!(audit.key, None);
    assert_eq!(audit.attempts, 8);
    let (first, most) = (Duration::from_secs(1), Duration::from_secs(600));
    assert_eq!(audit.backoff, Backoff { first, most });
    assert_eq!((audit.parked, audit.start), (Parked::Block, Start::Now));
    assert_eq!(audit.limits.waiting, 1_000_000);
    assert_eq!((audit.keep, &audit.transport), (Duration::from_secs(7 * 86_400), &None));
    Ok(())
}

#[test]
fn a_schedule_has_what_its_table_says() -> Outcome {
    let manifest = Manifest::load(&folder().join("full.toml"))?;
    let [hourly, nightly] = &manifest.schedules[..] else { return Err("not two schedules".into()) };
    assert_eq!((nightly.name.as_str(), nightly.missed), ("nightly", Missed::Once));
    assert_eq!((nightly.interface.as_str(), nightly.function.as_str()), ("shop:audit/log", "closed"));
    let noon = humantime::parse_rfc3339("2026-07-01T12:00:00Z")?;
    let after = |schedule: &ScheduleManifest| {
        schedule.times.after(noon).map(|time| humantime::format_rfc3339(time).to_string())
    };
    assert_eq!(after(nightly).as_deref(), Some("2026-07-02T01:00:00Z"));
    assert_eq!((after(hourly).as_deref(), hourly.missed), (Some("2026-07-01T13:00:00Z"), Missed::Skip));
    Ok(())
}

#[test]
fn the_shop_is_a_valid_manifest() -> Outcome {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../dovetail.toml");
    let manifest = Manifest::load(&beside)?;
    assert!(!manifest.services.is_empty());
    Ok(())
}

#[test]
fn a_file_that_cannot_be_read_says_what_to_do() -> Outcome {
    let folder = tempfile::tempdir()?;
    let load = |path: &Path| Manifest::load(path).map(|_| ()).map_err(|report| report.to_string());
    let file = folder.path().join("dovetail.toml");
    let report = load(&file).err().unwrap_or_default();
    assert!(report.contains(&format!("no manifest at `{}`", file.display())), "{report}");
    assert!(report.contains("or pass `--manifest PATH`"), "{report}");
    let report = load(folder.path()).err().unwrap_or_default();
    assert!(report.contains("there is no dovetail.toml in it either"), "{report}");
    fs::write(&file, b"name = \"\xff\"")?;
    let report = load(folder.path()).err().unwrap_or_default();
    assert!(report.contains(&format!("pass `--manifest {}`", file.display())), "{report}");
    let report = load(&file).err().unwrap_or_default();
    assert!(report.contains("not UTF-8"), "{report}");
    Ok(())
}

#[test]
fn missing_sources_are_shown_where_they_are_named() -> Outcome {
    let folder = tempfile::tempdir()?;
    fs::create_dir(folder.path().join("src"))?;
    let text = "[app]\nname = \"shop\"\n[service.made]\ncomponent = \"made.wasm\"\nbuild = \"make\"\n\
        watch = [\"src\", \"scr\"]\n";
    let report = Manifest::parse(&folder.path().join("dovetail.toml"), text)?.missing_sources();
    assert_eq!(report.problems().len(), 1);
    let report = report.to_string();
    assert!(report.contains("dovetail.toml:6:9"), "{report}");
    assert!(report.contains(&format!("`{}` changes", folder.path().join("scr").display())), "{report}");
    Ok(())
}

#[test]
fn later_problems_are_shown_at_their_keys() -> Outcome {
    let manifest = Manifest::load(&folder().join("full.toml"))?;
    let shown = |problem| {
        let shown = super::Report::new(vec![problem]).to_string();
        shown.rsplit_once("full.toml:").map(|(_, rest)| rest.lines().next().unwrap_or_default().to_owned())
    };
    let place = |service, key| shown(manifest.problem(service, key, "wrong", "mend it"));
    assert_eq!(place("order", None).as_deref(), Some("39:1"));
    assert_eq!(place("order", Some("limits.memory")).as_deref(), Some("57:10"));
    assert_eq!(place("order", Some("links.shop:users/directory@0.1.0")).as_deref(), Some("51:38"));
    assert_eq!(place("user", Some("limits.memory")).as_deref(), Some("66:1"));
    let place = |event, key| shown(manifest.event_problem(event, key, "wrong", "mend it"));
    assert_eq!(place("shop:orders/events@0.1.0", None).as_deref(), Some("79:1"));
    assert_eq!(place("shop:orders/events@0.1.0", Some("subscribers")).as_deref(), Some("80:15"));
    assert_eq!(place("shop:orders/events@0.1.0", Some("limits.waiting")).as_deref(), Some("88:18"));
    assert_eq!(place("shop:audit/log", Some("key")).as_deref(), Some("90:1"));
    Ok(())
}
