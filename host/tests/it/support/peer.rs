//! A server that keeps what it is sent, byte for byte, and answers with the bytes that it is
//! told to.

use std::{
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

/// One that serves until the tests end.
pub struct Peer {
    /// Where it listens.
    pub address: SocketAddr,
    seen: Arc<Mutex<Vec<String>>>,
    connections: Arc<AtomicUsize>,
}

/// What a peer does with a request, which it has read: write to the stream. The connection
/// goes on if it says so.
pub trait Answers: Fn(&str, &mut TcpStream) -> bool + Send + Sync + 'static {}

impl<F: Fn(&str, &mut TcpStream) -> bool + Send + Sync + 'static> Answers for F {}

impl Peer {
    /// Start one that answers in this way.
    pub fn start(answers: impl Answers) -> Peer {
        Peer::at("127.0.0.1:0".parse().expect("an address"), answers)
    }

    /// Start one at this address.
    pub fn at(address: SocketAddr, answers: impl Answers) -> Peer {
        let listener = TcpListener::bind(address).expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let (seen, connections) = (Arc::<Mutex<Vec<String>>>::default(), Arc::<AtomicUsize>::default());
        let (answers, requests, accepted) = (Arc::new(answers), seen.clone(), connections.clone());
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                accepted.fetch_add(1, Ordering::SeqCst);
                let (answers, requests) = (answers.clone(), requests.clone());
                thread::spawn(move || serve(stream, &*answers, &requests));
            }
        });
        Peer { address, seen, connections }
    }

    /// One that answers each request with 200 and this text.
    pub fn saying(text: &'static str) -> Peer {
        Peer::start(move |_: &str, stream: &mut TcpStream| {
            say(stream, &format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{text}", text.len()))
        })
    }

    /// The requests that have come, each as its bytes.
    pub fn seen(&self) -> Vec<String> {
        self.seen.lock().expect("nobody panics").clone()
    }

    /// The last of them, which is no longer known then.
    pub fn last(&self) -> Option<String> {
        self.seen.lock().expect("nobody panics").pop()
    }

    /// How many connections there were.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// Write this, whether it is read or not, and go on.
pub fn say(stream: &mut TcpStream, bytes: &str) -> bool {
    stream.write_all(bytes.as_bytes()).is_ok()
}

fn serve(stream: TcpStream, answers: &impl Answers, seen: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(stream.try_clone().expect("a handle"));
    let mut writer = stream;
    while let Some(request) = read(&mut reader) {
        seen.lock().expect("nobody panics").push(request.clone());
        if !answers(&request, &mut writer) {
            return;
        }
    }
}

/// The next request, as RFC 9112 frames it: `None` where the client ends, or what it sends has
/// no end.
fn read(reader: &mut impl BufRead) -> Option<String> {
    let mut request = String::new();
    while !request.ends_with("\r\n\r\n") {
        let mut line = Vec::new();
        let length = reader.read_until(b'\n', &mut line).ok()?;
        request.push_str(&String::from_utf8_lossy(&line));
        if length == 0 {
            return None;
        }
    }
    let field = |name: &str| {
        let mut fields = request.lines().filter_map(|line| line.split_once(": "));
        fields.find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
    };
    if field("transfer-encoding").is_some() {
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            request.push_str(&line);
            let length = usize::from_str_radix(line.trim_end(), 16).ok()?;
            if length == 0 {
                break;
            }
            let mut chunk = vec![0; length + 2];
            reader.read_exact(&mut chunk).ok()?;
            request.push_str(&String::from_utf8_lossy(&chunk));
        }
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            request.push_str(&line);
            if line == "\r\n" {
                break;
            }
        }
    } else if let Some(length) = field("content-length") {
        let mut body = vec![0; length.parse().ok()?];
        reader.read_exact(&mut body).ok()?;
        request.push_str(&String::from_utf8_lossy(&body));
    }
    Some(request)
}
