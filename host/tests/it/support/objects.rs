//! A store of objects, which speaks as much of S3 as a broker needs that keeps its log there.
//! So the broker can be killed, and what it has acknowledged is still there.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    ops::Bound,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

/// What is kept, by path: its bytes, and the number of the write, which is its entity tag.
type Kept = BTreeMap<String, (Bytes, u64)>;

/// Nobody asks when something was written, but each must have a time.
const LONG_AGO: &str = "Thu, 01 Jan 2026 00:00:00 GMT";

/// The store of this process.
pub struct Objects {
    address: SocketAddr,
    buckets: AtomicUsize,
}

impl Objects {
    /// The one, which is there until the process ends.
    pub fn shared() -> &'static Objects {
        static SHARED: OnceLock<Objects> = OnceLock::new();
        SHARED.get_or_init(|| {
            let (listens, listening) = mpsc::channel();
            // A thread of its own: who waits for a broker may hold up a test's runtime.
            thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                runtime.expect("a runtime").block_on(serve(listens));
            });
            Objects { address: listening.recv().expect("it listens"), buckets: AtomicUsize::new(0) }
        })
    }

    /// The name of a bucket that nobody used.
    pub fn bucket(&self) -> String {
        format!("bucket-{}", self.buckets.fetch_add(1, Ordering::Relaxed))
    }

    /// What a client is told of it by its environment.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let names = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"];
        let any = names.map(|name| (name, "any".to_owned()));
        let endpoint = ("AWS_ENDPOINT", format!("http://{}", self.address));
        any.into_iter().chain([endpoint, ("AWS_ALLOW_HTTP", "true".to_owned())]).collect()
    }
}

async fn serve(listens: mpsc::Sender<SocketAddr>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    listens.send(listener.local_addr().expect("it is bound")).expect("somebody waits");
    let kept = Arc::new(Mutex::new(Kept::new()));
    loop {
        let (stream, _) = listener.accept().await.expect("a connection");
        let kept = kept.clone();
        let answers = service_fn(move |request| answer(request, kept.clone()));
        // Who is killed ends in the middle of anything.
        tokio::spawn(async { drop(http1::Builder::new().serve_connection(TokioIo::new(stream), answers).await) });
    }
}

async fn answer(request: Request<Incoming>, kept: Arc<Mutex<Kept>>) -> http::Result<Response<Full<Bytes>>> {
    let (head, body) = request.into_parts();
    let Ok(body) = body.collect().await else { return status(StatusCode::BAD_REQUEST) };
    let path = head.uri.path().to_owned();
    let mut kept = kept.lock().expect("no answer panics");
    match head.method {
        Method::PUT => put(&mut kept, path, &head.headers, body.to_bytes()),
        Method::DELETE => {
            kept.remove(&path);
            status(StatusCode::NO_CONTENT)
        }
        _ => match head.uri.query() {
            Some(query) if query.contains("list-type=2") => list(&kept, &path, query),
            _ => get(&kept, &path, &head.headers),
        },
    }
}

/// Write an object, if it is what the writer believes it is.
fn put(kept: &mut Kept, path: String, headers: &HeaderMap, body: Bytes) -> http::Result<Response<Full<Bytes>>> {
    let number = kept.get(&path).map(|(_, number)| *number);
    let expected = headers.get(header::IF_MATCH);
    if number.is_some() && headers.contains_key(header::IF_NONE_MATCH)
        || expected.is_some_and(|expected| number.is_none_or(|number| expected != tag(number).as_str()))
    {
        return status(StatusCode::PRECONDITION_FAILED);
    }
    let number = number.map_or(0, |number| number + 1);
    kept.insert(path, (body, number));
    Response::builder().header(header::ETAG, tag(number)).body(Full::default())
}

fn get(kept: &Kept, path: &str, headers: &HeaderMap) -> http::Result<Response<Full<Bytes>>> {
    let Some((bytes, number)) = kept.get(path) else { return status(StatusCode::NOT_FOUND) };
    let tag = tag(*number);
    if headers.get(header::IF_NONE_MATCH).is_some_and(|known| known == tag.as_str()) {
        return Response::builder().status(StatusCode::NOT_MODIFIED).header(header::ETAG, tag).body(Full::default());
    }
    let answer = Response::builder().header(header::ETAG, tag).header(header::LAST_MODIFIED, LONG_AGO);
    answer.body(Full::new(bytes.clone()))
}

/// What begins with a prefix, and up to the next slash if one is asked for.
fn list(kept: &Kept, bucket: &str, query: &str) -> http::Result<Response<Full<Bytes>>> {
    let parameter = |name: &str| {
        let found = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        found.unwrap_or_default().replace("%2F", "/")
    };
    let (prefix, is_folder) = (parameter("prefix"), !parameter("delimiter").is_empty());
    let root = format!("{}/", bucket.trim_end_matches('/'));
    let from = format!("{root}{prefix}");
    let found = kept.range::<str, _>((Bound::Included(from.as_str()), Bound::Unbounded));
    let (mut objects, mut folders) = (String::new(), Vec::new());
    for (path, (bytes, number)) in found.take_while(|(path, _)| path.starts_with(&from)) {
        match path[from.len()..].split_once('/').filter(|_| is_folder) {
            Some((folder, _)) => folders.push(format!("{prefix}{folder}/")),
            None => {
                let (key, size, tag) = (&path[root.len()..], bytes.len(), tag(*number));
                objects += &format!(
                    "<Contents><Key>{key}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>\
                     <ETag>{tag}</ETag><Size>{size}</Size></Contents>"
                );
            }
        }
    }
    folders.dedup();
    let folders: String =
        folders.iter().map(|folder| format!("<CommonPrefixes><Prefix>{folder}</Prefix></CommonPrefixes>")).collect();
    let listed = format!("<ListBucketResult><IsTruncated>false</IsTruncated>{objects}{folders}</ListBucketResult>");
    Response::builder().header(header::CONTENT_TYPE, "application/xml").body(Full::from(listed))
}

fn tag(number: u64) -> String {
    format!("\"{number}\"")
}

fn status(status: StatusCode) -> http::Result<Response<Full<Bytes>>> {
    Response::builder().status(status).body(Full::default())
}
