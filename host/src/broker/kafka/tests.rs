//! What becomes of a topic and its broker is told here by the client's own broker, which is at
//! a test's command.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by a panic that says what was expected")]

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use bytes::Bytes;
use krafka::testing::{ApiKey, Control, FakeBroker};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::broker::Outlet;
use crate::manifest::Start;

const TOPIC: &str = "shop.orders.events";

fn transport(broker: &FakeBroker) -> Transport {
    Transport::parse(&format!("kafka://{}", broker.bootstrap_servers())).expect("it is one")
}

fn address() -> Address {
    Address::of("shop:orders/events@0.1.0")
}

/// A broker that has the topic, with so many partitions.
async fn broker(partitions: i32) -> FakeBroker {
    let broker = FakeBroker::start().await.expect("it starts");
    assert!(broker.create_topic(TOPIC, partitions));
    broker
}

async fn send(producer: &Producer, key: &str, document: &str) {
    sent(producer, key, document).await.expect("it is kept");
}

async fn sent(producer: &Producer, key: &str, document: &str) -> Result<(), NotSent> {
    producer.send(&[letter(key, document)]).await.remove(0)
}

fn letter(key: &str, document: &str) -> Letter {
    let (id, function, document) = (document.into(), "placed".into(), Bytes::from(document.to_owned()));
    Letter { id, function, key: Some(key.into()), document }
}

async fn open(broker: &FakeBroker, start: Start, place: Option<&str>) -> (Box<dyn Inlet>, String) {
    let (app, subscriber, address) = ("shop".into(), "notices".into(), address());
    let reader = Reader { app, subscriber, address, start };
    let (inlet, place) = Fetcher::open(&transport(broker), &reader, place).await.expect("it opens");
    (inlet, place.expect("it is to be kept"))
}

/// The next documents, so many, and the place behind them.
async fn had(inlet: &mut Box<dyn Inlet>, count: usize) -> (BTreeSet<String>, String) {
    let (mut had, mut place) = (BTreeSet::new(), None);
    while had.len() < count {
        let arrived = inlet.receive().await.expect("something comes");
        had.extend(arrived.documents.iter().map(|document| String::from_utf8_lossy(document).into_owned()));
        place = arrived.place;
    }
    (had, place.expect("it has moved"))
}

fn set<const N: usize>(documents: [&str; N]) -> BTreeSet<String> {
    documents.map(str::to_owned).into()
}

#[tokio::test]
async fn who_is_new_begins_where_it_is_to_and_goes_on_where_it_was() {
    let broker = broker(3).await;
    let producer = Producer::new(transport(&broker), address());
    send(&producer, "a", "1").await;
    send(&producer, "b", "2").await;
    let (mut new, begun) = open(&broker, Start::Now, None).await;
    let (mut old, _) = open(&broker, Start::Oldest, None).await;
    send(&producer, "c", "3").await;
    let (documents, place) = had(&mut new, 1).await;
    assert_eq!(documents, set(["3"]));
    assert_eq!(had(&mut old, 3).await.0, set(["1", "2", "3"]));
    send(&producer, "a", "4").await;
    for (place, expected) in [(begun, set(["3", "4"])), (place, set(["4"]))] {
        let (mut again, at) = open(&broker, Start::Now, Some(&place)).await;
        assert_eq!(at, place);
        assert_eq!(had(&mut again, expected.len()).await.0, expected);
    }
}

#[tokio::test]
async fn a_topic_is_made_if_there_is_none() {
    let broker = FakeBroker::start().await.expect("it starts");
    let (mut inlet, _) = open(&broker, Start::Now, None).await;
    send(&Producer::new(transport(&broker), address()), "a", "1").await;
    assert_eq!(had(&mut inlet, 1).await.0, set(["1"]));
    assert_eq!(broker.request_count(ApiKey::CreateTopics), 1);
}

#[tokio::test]
async fn a_key_is_where_kafkas_own_clients_have_it() {
    let broker = broker(7).await;
    let producer = Producer::new(transport(&broker), address());
    // The hashes that Apache Kafka's own tests expect.
    let hashes = [("21", -973_932_308), ("foobar", -790_332_482), ("a-little-bit-long-string", -985_981_536_i32)];
    for (key, _) in hashes {
        send(&producer, key, key).await;
    }
    let records = broker.all_records(TOPIC).expect("they can be read");
    assert_eq!(records.len(), hashes.len());
    for (key, hash) in hashes {
        let record = records.iter().find(|record| record.key_str() == Some(key)).expect("it is kept");
        assert_eq!(record.partition, (hash & i32::MAX) % 7, "{key}");
        assert_eq!((record.value_str(), record.header_str(CONTENT_TYPE.0)), (Some(key), Some(CONTENT_TYPE.1)));
    }
}

#[tokio::test]
async fn partitions_that_are_new_are_read_from_their_beginning() {
    let broker = broker(1).await;
    let (mut inlet, begun) = open(&broker, Start::Now, None).await;
    broker.add_partitions(TOPIC, 8);
    let producer = Producer::new(transport(&broker), address());
    let keys = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
    for key in keys {
        send(&producer, key, key).await;
    }
    assert_eq!(had(&mut inlet, keys.len()).await.0, set(keys));
    let (mut away, _) = open(&broker, Start::Now, Some(&begun)).await;
    assert_eq!(had(&mut away, keys.len()).await.0, set(keys));
}

#[tokio::test]
async fn what_was_removed_is_passed_over() {
    let broker = broker(1).await;
    let (_, begun) = open(&broker, Start::Now, None).await;
    let producer = Producer::new(transport(&broker), address());
    for document in ["1", "2", "3", "4"] {
        send(&producer, "a", document).await;
    }
    broker.with_state(|state| {
        let partition = state.partition_mut(TOPIC, 0).expect("it is there");
        partition.log_start_offset = 2;
    });
    broker.on_once(ApiKey::Fetch, |_| Control::Error(ErrorCode::OffsetOutOfRange));
    let (mut inlet, at) = open(&broker, Start::Now, Some(&begun)).await;
    assert_eq!(at, begun);
    assert_eq!(had(&mut inlet, 2).await.0, set(["3", "4"]));
}

#[tokio::test]
async fn what_a_broker_has_forgotten_is_read_from_what_it_has() {
    let broker = broker(1).await;
    let producer = Producer::new(transport(&broker), address());
    let (mut inlet, _) = open(&broker, Start::Now, None).await;
    for document in ["1", "2", "3"] {
        send(&producer, "a", document).await;
    }
    let (_, place) = had(&mut inlet, 3).await;
    broker.with_state(|state| {
        let partition = state.partition_mut(TOPIC, 0).expect("it is there");
        (partition.log, partition.next_offset) = (Vec::new(), 0);
        partition.producers.clear();
    });
    send(&Producer::new(transport(&broker), address()), "a", "4").await;
    let (mut again, _) = open(&broker, Start::Now, Some(&place)).await;
    assert_eq!(had(&mut again, 1).await.0, set(["4"]));
}

#[tokio::test]
async fn a_topic_that_was_made_anew_is_read_whole() {
    let broker = broker(1).await;
    let producer = Producer::new(transport(&broker), address());
    let (mut inlet, _) = open(&broker, Start::Now, None).await;
    send(&producer, "a", "1").await;
    let (_, place) = had(&mut inlet, 1).await;
    assert!(broker.delete_topic(TOPIC) && broker.create_topic(TOPIC, 1));
    assert!(inlet.receive().await.is_err());
    let producer = Producer::new(transport(&broker), address());
    send(&producer, "a", "2").await;
    send(&producer, "a", "3").await;
    let (mut again, _) = open(&broker, Start::Now, Some(&place)).await;
    assert_eq!(had(&mut again, 2).await.0, set(["2", "3"]));
}

#[tokio::test]
async fn a_broker_that_is_gone_is_an_error_and_found_again() {
    let broker = broker(1).await;
    let producer = Producer::new(transport(&broker), address());
    let (mut inlet, place) = open(&broker, Start::Now, None).await;
    send(&producer, "a", "1").await;
    had(&mut inlet, 1).await;
    broker.crash(0);
    assert!(inlet.receive().await.is_err());
    assert!(matches!(sent(&producer, "a", "2").await, Err(NotSent::Away(_))));
    broker.restart(0);
    send(&producer, "a", "2").await;
    let (mut again, _) = open(&broker, Start::Now, Some(&place)).await;
    assert_eq!(had(&mut again, 2).await.0, set(["1", "2"]));
}

#[tokio::test]
async fn what_is_too_large_is_refused_and_what_follows_is_not() {
    let broker = broker(1).await;
    let producer = Producer::new(transport(&broker), address());
    broker.on_once(ApiKey::Produce, |_| Control::Error(ErrorCode::MessageTooLarge));
    let refused = sent(&producer, "a", "1").await;
    assert!(matches!(refused, Err(NotSent::Refused(_))), "{refused:?}");
    send(&producer, "a", "2").await;
}

#[tokio::test]
async fn a_password_is_not_sent_as_it_is_without_tls() {
    let broker = broker(1).await;
    broker.require_sasl_plain("shop", "secret");
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("kafka://shop@{}?passfile={}", broker.bootstrap_servers(), passfile(folder.path()));
    let producer = Producer::new(Transport::parse(&url).expect("it is one"), address());
    let Err(NotSent::Away(error)) = sent(&producer, "a", "1").await else { panic!("it is let in") };
    let error = format!("{error:?}");
    assert!(error.contains("UnsupportedSaslMechanism") && error.contains("PLAIN"), "{error}");
}

#[tokio::test]
async fn a_password_goes_by_tls_to_who_has_the_certificate() {
    let folder = tempfile::tempdir().expect("a folder");
    let broker = broker(1).await;
    broker.require_sasl_plain("shop", "secret");
    let Some(port) = behind_tls(&broker, folder.path()).await else { return };
    let passfile = passfile(folder.path());
    let url = |host: &str, root: &str| {
        let root = folder.path().join(root);
        let url = format!("kafka+tls://shop@{host}:{port}?passfile={passfile}&sslrootcert={}", root.display());
        Transport::parse(&url).expect("it is one")
    };
    send(&Producer::new(url("localhost", "cert.pem"), address()), "a", "1").await;
    assert_eq!(broker.all_records(TOPIC).expect("they can be read").len(), 1);
    // Another name, and nobody who vouches for this one.
    for (host, root) in [("127.0.0.1", "cert.pem"), ("localhost", "other.pem")] {
        let sent = sent(&Producer::new(url(host, root), address()), "a", "2").await;
        assert!(matches!(sent, Err(NotSent::Away(_))), "{host}, {root}");
    }
}

/// Have the broker say that it is reached by TLS at a port, which is so; none where there is
/// no openssl. The folder has then the certificate, and one of somebody else.
async fn behind_tls(broker: &FakeBroker, folder: &Path) -> Option<u16> {
    for name in ["other", "cert"] {
        let mut openssl = Command::new("openssl");
        openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]);
        openssl.args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]);
        openssl.args(["-addext", "basicConstraints=critical,CA:FALSE", "-keyout", "key.pem"]);
        let made = openssl.args(["-out", &format!("{name}.pem")]).current_dir(folder).output();
        if made.is_err() {
            assert!(std::env::var("CI").as_deref() != Ok("true"), "openssl is not installed");
            return None;
        }
    }
    let certificates = CertificateDer::pem_file_iter(folder.join("cert.pem")).and_then(Iterator::collect);
    let key = PrivateKeyDer::from_pem_file(folder.join("key.pem")).expect("a key");
    let provider = rustls::crypto::ring::default_provider().into();
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.expect("versions").with_no_client_auth();
    let config = config.with_single_cert(certificates.expect("a certificate"), key).expect("they fit");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    let plain = broker.bootstrap_servers();
    broker.with_state(|state| {
        for broker in &mut state.brokers {
            (broker.host, broker.port) = ("localhost".into(), port.into());
        }
    });
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, plain) = (acceptor.clone(), plain.clone());
            tokio::spawn(async move {
                let mut outside = acceptor.accept(stream).await?;
                let mut inside = TcpStream::connect(plain).await?;
                copy_bidirectional(&mut outside, &mut inside).await
            });
        }
    });
    Some(port)
}

/// A file with the password.
fn passfile(folder: &Path) -> String {
    let file = folder.join("passfile");
    fs::write(&file, "secret")
        .and_then(|()| fs::set_permissions(&file, Permissions::from_mode(0o600)))
        .expect("a file");
    file.display().to_string()
}
