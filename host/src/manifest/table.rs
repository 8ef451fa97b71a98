//! Manifests and the reports they get: each `NAME.toml` in `tests/manifests`
//! beside the `NAME.txt` that a user would read. `UPDATE_EXPECT=1 cargo test`
//! writes the texts anew; read the diff before you keep it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{
    Asks, AuthManifest, Authorize, Backoff, ByteSize, Coding, Content, HostName, KeySource, Manifest, Missed, Names,
    Origins, Parked, Per, Policy, Priority, Proof, Protocol, RateLimit, ScheduleManifest, ServiceManifest, Setting,
    Start, TokenManifest, UpstreamManifest, listen_address,
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
    assert_eq!((user.limits.instances, user.limits.queue, user.limits.reuse), (64, 1_024, 1000));
    assert_eq!(user.limits.body, ByteSize::mib(1));
    assert_eq!((user.limits.value, user.limits.outbound_failures), (ByteSize::mib(1), 5));
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
    let ordered = folder().join("secrets/acme/certificate.pem");
    let (own, ordered) = (folder().join("shop.pem"), ordered.display());
    let expected = format!("{}, {}, /a.pem, /a.key, {ordered}, {ordered}", own.display(), secret.display());
    assert_eq!((tls.to_string(), tls.pairs.len()), (expected, 3));
    let acme = tls.pairs[2].acme.as_ref().ok_or("no ACME")?;
    assert_eq!(acme.directory, "https://acme.example:14000/dir");
    assert_eq!(
        (&acme.hosts[..], &acme.contact[..]),
        (&["a.example", "b.example"].map(String::from)[..], &["mailto:anna@a.example".to_owned()][..])
    );
    assert_eq!((&acme.folder, &acme.ca), (&folder().join("secrets/acme"), &Some(folder().join("acme.pem"))));
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
    let policy = Policy {
        timeout: Some(Duration::from_secs(5)),
        auth: Some(Asks::Everybody),
        authorize: Some(Authorize::Nobody),
        ..Policy::default()
    };
    assert_eq!(order.routes[0].policy, policy);
    let content: Vec<_> = manifest.gateway.routes.iter().filter_map(|it| it.content.as_ref()).collect();
    assert_eq!(content.iter().map(ToString::to_string).collect::<Vec<_>>(), ["308 /new/{id}", "307 /", "files dist/"]);
    let Some(Content::Files(files)) = &content[2..].first() else { return Err("no files".into()) };
    assert_eq!((&files.folder, files.fallback.as_deref()), (&folder().join("dist/"), Some("index.html")));
    assert_eq!(files.cache_control.as_ref().map(http::HeaderValue::as_bytes), Some(&b"max-age=60"[..]));
    assert!(order.buckets.contains("orders"));
    let secret = |file: &str| Setting::File(folder().join(file));
    assert_eq!(order.config["currency"], Setting::Written("EUR".into()));
    assert_eq!(order.config["api_key"], secret("secrets/api.key"));
    assert_eq!(order.env["LOG"], Setting::Written("debug".into()));
    assert_eq!(order.env["TOKEN"], Setting::File("/run/token".into()));
    assert!(order.outbound[0].allows("https", "pay.example.com", 443));
    assert_eq!(order.links["shop:users/directory@0.1.0"], "user");
    assert_eq!(order.limits.memory, ByteSize::mib(16));
    assert_eq!(order.limits.deadline.as_millis(), 500);
    assert_eq!((order.limits.instances, order.limits.queue, order.limits.reuse), (8, 16, 1));
    assert_eq!(order.limits.body, ByteSize(0));
    assert_eq!(order.limits.value, ByteSize::mib(2));
    assert_eq!((order.limits.drain.as_secs(), order.limits.outbound_failures), (60, 0));
    assert_eq!(order.probe.as_ref().map(ToString::to_string).as_deref(), Some("/orders/1?probe"));
    let user = manifest.service("user").ok_or("no user")?;
    assert!(order.atomic && !user.atomic);
    assert_eq!((&order.openapi, &user.openapi), (&None, &Some(folder().join("user.openapi.json"))));
    assert_eq!(shown(user), ["POST *.example/users x-beta=* x-version=2"]);
    let policy = &user.routes[0].policy;
    assert_eq!((policy.timeout, policy.body), (Some(Duration::from_secs(1)), Some(ByteSize::kib(2))));
    assert_eq!(policy.compress.as_deref(), Some(&[Coding::Gzip, Coding::Brotli][..]));
    let cors = policy.cors.as_ref().ok_or("no origins")?;
    assert_eq!(cors.origins, Origins::These(vec!["https://app.example".to_owned()]));
    assert_eq!(cors.methods, Names::These(vec![http::Method::PUT]));
    assert_eq!(cors.expose, Names::These(vec![http::header::ETAG]));
    assert_eq!((cors.credentials, cors.max_age), (true, Some(Duration::from_secs(600))));
    let headers = policy.headers.as_ref().ok_or("no changes")?;
    let set = headers.set.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect::<Vec<_>>();
    assert_eq!((set, &headers.remove[..]), (vec![("x-frame-options", &b"DENY"[..])], &[http::header::SERVER][..]));
    assert_eq!(policy.auth, Some(Asks::Known(vec!["login".into(), "keys".into()])));
    assert_eq!(
        (&policy.rates, policy.priority),
        (&Some(vec!["clients".to_owned(), "all".to_owned()]), Some(Priority::High))
    );
    assert_eq!(policy.scopes, Some(vec!["users:write".into()]));
    let headers = vec![http::HeaderName::from_static("x-tenant")];
    assert_eq!(policy.authorize, Some(Authorize::Service { name: "order".into(), headers }));
    Ok(())
}

#[test]
fn a_rate_has_what_its_table_says() -> Outcome {
    let manifest = Manifest::load(&folder().join("full.toml"))?;
    let [all, clients, tenants] = &manifest.rates[..] else { return Err("not three rates".into()) };
    assert_eq!((all.name.as_str(), &all.per, all.shared), ("all", &Per::Route, false));
    assert_eq!((all.limit, all.burst), (RateLimit { requests: 100, period: Duration::from_secs(1) }, 200));
    assert_eq!((&clients.per, clients.shared, clients.burst), (&Per::Address, false, 1_000));
    assert_eq!((&tenants.per, tenants.shared), (&Per::Header("x-tenant".parse()?), true));
    Ok(())
}

#[test]
fn no_value_is_shown_for_debugging() -> Outcome {
    let text = "[app]\nname = \"shop\"\n[service.user]\ncomponent = \"user.wasm\"\n\
        config = { a = \"s3cret\", b = { file = \"c\" } }\nenv.D = \"s3cret\"\n";
    let manifest = Manifest::parse(Path::new("dovetail.toml"), text)?;
    let problem = manifest.problem("user", Some("config.a"), "wrong", "mend it");
    let shown = format!("{manifest:?} {problem:#?}");
    assert!(shown.contains("Written(…)") && shown.contains("File(\"c\")"), "{shown}");
    assert!(!shown.contains("s3cret"), "{shown}");
    Ok(())
}

#[test]
fn an_upstream_has_what_its_table_says() -> Outcome {
    let manifest = Manifest::load(&folder().join("full.toml"))?;
    let [legacy, old] = &manifest.upstreams[..] else { return Err("not two upstreams".into()) };
    let shown = |upstream: &UpstreamManifest| upstream.origins.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(shown(legacy), ["http://10.0.0.7:5001", "https://legacy.example"]);
    assert_eq!(legacy.routes.iter().map(|it| it.route.to_string()).collect::<Vec<_>>(), ["/legacy/*", "GET /old"]);
    let timeouts = [5, 2].map(Duration::from_secs);
    for (route, timeout) in legacy.routes.iter().zip(timeouts) {
        assert_eq!((route.policy.timeout, route.policy.body), (Some(timeout), Some(ByteSize::mib(8))));
    }
    assert_eq!((legacy.host, legacy.connections), (HostName::Upstream, 32));
    assert_eq!(legacy.ca, Some(folder().join("secrets/ca.pem")));
    let health = |upstream: &UpstreamManifest| upstream.health.as_ref().map(|it| (it.path.to_string(), it.every));
    assert_eq!(health(legacy), Some(("/healthz".to_owned(), Duration::from_secs(2))));
    assert_eq!((old.name.as_str(), shown(old)), ("old", vec!["http://localhost".to_owned()]));
    assert_eq!((old.host, old.connections, old.ca.as_ref()), (HostName::Client, 256, None));
    assert_eq!(health(old), Some(("/".to_owned(), Duration::from_secs(5))));
    assert!(old.routes.is_empty());
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
    let text = fs::read_to_string(folder().join("full.toml"))?;
    // Where the first line is that begins so, behind another.
    let line = |after: &str, begins: &str, column: usize| {
        let mut lines = text.lines().enumerate().skip_while(|(_, line)| *line != after);
        lines.find(|(_, line)| line.starts_with(begins)).map(|(index, _)| format!("{}:{column}", index + 1))
    };
    let place = |service, key| shown(manifest.problem(service, key, "wrong", "mend it"));
    let order = "[service.order]";
    assert_eq!(place("order", None), line(order, order, 1));
    assert_eq!(place("order", Some("limits.memory")), line("[service.order.limits]", "memory", 10));
    assert_eq!(place("order", Some("links.shop:users/directory@0.1.0")), line(order, "links.\"shop:users", 38));
    assert_eq!(place("user", Some("limits.memory")), line("[service.user]", "", 1));
    let place = |event, key| shown(manifest.event_problem(event, key, "wrong", "mend it"));
    let event = "[event.\"shop:orders/events@0.1.0\"]";
    assert_eq!(place("shop:orders/events@0.1.0", None), line(event, event, 1));
    assert_eq!(place("shop:orders/events@0.1.0", Some("subscribers")), line(event, "subscribers", 15));
    assert_eq!(place("shop:orders/events@0.1.0", Some("limits.waiting")), line(event, "limits.waiting", 18));
    assert_eq!(place("shop:audit/log", Some("key")), line("[event.\"shop:audit/log\"]", "", 1));
    Ok(())
}
