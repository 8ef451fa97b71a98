//! Proxies on the way to one native service, each with one thread and no log.

use std::{
    fs,
    net::{SocketAddr, TcpStream},
    path::PathBuf,
    process::Command,
    sync::Arc,
};

use anyhow::Result;

use super::CONNECTIONS;
use crate::{
    folder::Folder,
    host::App,
    load::{Path, Shot},
    native::Child,
    process::{Process, free_addresses},
    round::{Rounds, Series, Server},
};

const WHAT: &str = "GET /users/1 of a native upstream";

const DOVETAIL: &str = "dovetail";
const NGINX: &str = "nginx";
const HAPROXY: &str = "haproxy";

/// Where Debian has programs of servers.
const FOLDER: &str = "/usr/sbin";

/// Those that are installed.
pub struct Installed(Vec<(&'static str, PathBuf)>);

/// What came of it.
pub struct Proxied(pub Series);

impl Installed {
    /// Look for them.
    pub fn find() -> Installed {
        let all = [NGINX, HAPROXY].map(|name| (name, PathBuf::from(FOLDER).join(name)));
        Installed(all.into_iter().filter(|(_, file)| file.is_file()).collect())
    }

    /// The names of those that are not there.
    pub fn missing(&self) -> Vec<&'static str> {
        [NGINX, HAPROXY].into_iter().filter(|name| self.0.iter().all(|(there, _)| there != name)).collect()
    }

    /// What they say of their versions.
    pub fn versions(&self) -> Vec<String> {
        let said = self.0.iter().filter_map(|(name, file)| {
            let output = Command::new(file).arg("-v").output().ok()?;
            let said = String::from_utf8([output.stdout, output.stderr].concat()).ok()?;
            let version =
                said.split([' ', '/', '\n']).find(|word| word.starts_with(|first: char| first.is_ascii_digit()))?;
            Some(format!("{name} {version}"))
        });
        said.collect()
    }

    /// Start one before an upstream.
    async fn start(&self, name: &str, upstream: SocketAddr) -> Result<Option<(SocketAddr, Process)>> {
        let Some((_, file)) = self.0.iter().find(|(there, _)| *there == name) else { return Ok(None) };
        let (folder, [address]) = (Arc::new(Folder::new()?), free_addresses()?);
        let config = folder.path().join("proxy.conf");
        let mut command = Command::new(file);
        if name == NGINX {
            fs::write(&config, nginx(address, upstream))?;
            command.args(["-e", "stderr", "-p"]).arg(folder.path()).arg("-c").arg(&config);
        } else {
            fs::write(&config, haproxy(address, upstream))?;
            command.arg("-db").arg("-f").arg(&config);
        }
        let mut process = Process::start_quietly(&mut command, folder)?;
        process.until_up(name, |_| TcpStream::connect(address).is_ok()).await?;
        Ok(Some((address, process)))
    }
}

impl Proxied {
    /// Measure them in turns; of the processors what the proxies use, not the upstream.
    pub async fn measure(rounds: Rounds, installed: &Installed) -> Result<Proxied> {
        let upstream = Child::up(&["memory"])?;
        let host = App::new(&manifest(upstream.gateway))?.up("memory:")?;
        let server =
            |name, gateway, pid| Server { name, gateway, pids: vec![pid], shot: Shot::get(Path::Same("/users/1")) };
        let mut servers = vec![server(DOVETAIL, host.gateway, host.pid())];
        let mut others = Vec::new();
        for name in [NGINX, HAPROXY] {
            if let Some((gateway, process)) = installed.start(name, upstream.gateway).await? {
                servers.push(server(name, gateway, process.pid()));
                others.push(process);
            }
        }
        Ok(Proxied(rounds.measure(WHAT, CONNECTIONS, &servers).await?))
    }

    /// What the better one of the others takes of the processors to what ours does; none where
    /// there is no other.
    pub fn better_to_ours(&self) -> Option<f64> {
        let ratios = [NGINX, HAPROXY].into_iter().filter_map(|other| self.0.one_to(other, DOVETAIL, |turn| turn.cpu));
        ratios.min_by(f64::total_cmp)
    }
}

fn manifest(upstream: SocketAddr) -> String {
    // An app has a service, and this one is never asked.
    let component = crate::host::root().join("components/target/wasm32-wasip2/release/user.wasm");
    format!(
        "[app]\nname = \"proxy\"\n\
         [service.idle]\ncomponent = {component:?}\nbuckets = [\"users\"]\n\
         [upstream.native]\nurl = \"http://{upstream}\"\nroutes = [\"/*\"]\n"
    )
}

/// With what ours does: connections that are kept to the upstream, and the client's address told.
fn nginx(address: SocketAddr, upstream: SocketAddr) -> String {
    format!(
        "daemon off;\nmaster_process off;\npid nginx.pid;\n\
         events {{ worker_connections 1024; }}\n\
         http {{\n  access_log off;\n  client_body_temp_path body;\n  proxy_temp_path proxy;\n  \
         fastcgi_temp_path fastcgi;\n  uwsgi_temp_path uwsgi;\n  scgi_temp_path scgi;\n  \
         keepalive_requests 100000000;\n  \
         upstream native {{ server {upstream}; keepalive 64; keepalive_requests 100000000; }}\n  \
         server {{\n    listen {address};\n    location / {{\n      proxy_pass http://native;\n      \
         proxy_http_version 1.1;\n      proxy_set_header Connection \"\";\n      \
         proxy_set_header Host $http_host;\n      proxy_set_header X-Forwarded-For $remote_addr;\n      \
         proxy_set_header X-Forwarded-Proto $scheme;\n      proxy_set_header X-Forwarded-Host $http_host;\n      \
         proxy_set_header X-Request-Id $request_id;\n    }}\n  }}\n}}\n"
    )
}

/// Likewise.
fn haproxy(address: SocketAddr, upstream: SocketAddr) -> String {
    format!(
        "global\n  nbthread 1\n\
         defaults\n  mode http\n  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\n  \
         option http-keep-alive\n  http-reuse always\n\
         frontend in\n  bind {address}\n  option forwardfor\n  unique-id-format %[uuid()]\n  \
         unique-id-header X-Request-Id\n  http-request set-header X-Forwarded-Proto http\n  \
         http-request set-header X-Forwarded-Host %[req.hdr(host)]\n  default_backend native\n\
         backend native\n  server native {upstream}\n"
    )
}
