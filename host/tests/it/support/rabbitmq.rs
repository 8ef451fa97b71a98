//! A RabbitMQ server of the tests' own.
#![allow(dead_code, reason = "some of the tests that share this use only a part of it")]

use std::{path::Path, process::Command};

use super::{
    broker::Broker,
    daemon::{self, Daemon},
};

/// How it is made. The argument: `plain` or `tls`. Two of its virtual hosts have what an app
/// of signals would make there, made differently; in a third there is a queue for the keys `a`
/// and `c` alone.
///
/// Erlang's daemon for names listens on the port behind the server's, and ends with it.
const FUNCTIONS: &str = r#"
prepare() {
    echo secret > passfile
    [ "$1" = plain ] || certificates
    cat > definitions.json << END
{"users": [{"name": "dovetail", "password": "secret", "tags": []}],
 "vhosts": [{"name": "/"}, {"name": "of shops"}, {"name": "exchange"}, {"name": "queue"}, {"name": "some"}],
 "permissions": [
   {"user": "dovetail", "vhost": "/", "configure": ".*", "write": ".*", "read": ".*"},
   {"user": "dovetail", "vhost": "of shops", "configure": ".*", "write": ".*", "read": ".*"},
   {"user": "dovetail", "vhost": "exchange", "configure": ".*", "write": ".*", "read": ".*"},
   {"user": "dovetail", "vhost": "queue", "configure": ".*", "write": ".*", "read": ".*"},
   {"user": "dovetail", "vhost": "some", "configure": ".*", "write": ".*", "read": ".*"}],
 "exchanges": [{"name": "shop.signals.signals", "vhost": "exchange", "type": "direct",
   "durable": true, "auto_delete": false, "internal": false, "arguments": {}},
  {"name": "shop.signals.signals", "vhost": "some", "type": "topic",
   "durable": true, "auto_delete": false, "internal": false, "arguments": {}}],
 "queues": [{"name": "signals.recorder.shop.signals.signals", "vhost": "queue",
   "durable": true, "auto_delete": false, "arguments": {}},
  {"name": "some", "vhost": "some", "durable": true, "auto_delete": false, "arguments": {}}],
 "bindings": [{"source": "shop.signals.signals", "vhost": "some", "destination": "some",
   "destination_type": "queue", "routing_key": "told.a", "arguments": {}},
  {"source": "shop.signals.signals", "vhost": "some", "destination": "some",
   "destination_type": "queue", "routing_key": "told.c", "arguments": {}}]}
END
    : > plugins
}
serve() {
    if [ "$2" = plain ]; then
        echo "listeners.tcp.1 = 127.0.0.1:$1"
    else
        echo 'listeners.tcp = none'
        echo "listeners.ssl.1 = 127.0.0.1:$1"
        echo "ssl_options.certfile = $PWD/server.crt"
        echo "ssl_options.keyfile = $PWD/server.key"
        echo "ssl_options.cacertfile = $PWD/ca.pem"
        echo 'ssl_options.verify = verify_none'
    fi > rabbitmq.conf
    echo "load_definitions = $PWD/definitions.json" >> rabbitmq.conf
    export HOME="$PWD" ERL_EPMD_ADDRESS=127.0.0.1 ERL_EPMD_PORT=$(($1 + 1)) RABBITMQ_DIST_PORT=$(($1 + 2))
    export RABBITMQ_NODENAME="node$1@localhost" RABBITMQ_MNESIA_BASE="$PWD/mnesia" RABBITMQ_LOG_BASE="$PWD"
    export RABBITMQ_LOGS=- RABBITMQ_PID_FILE="$PWD/pid" RABBITMQ_ENABLED_PLUGINS_FILE="$PWD/plugins"
    export RABBITMQ_CONFIG_FILE="$PWD/rabbitmq.conf" RABBITMQ_CONF_ENV_FILE=/dev/null
    export RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS='-start_epmd false -kernel inet_dist_use_interface {127,0,0,1}'
    setpriv --pdeathsig KILL epmd -port $ERL_EPMD_PORT -address 127.0.0.1 &
    until epmd -port $ERL_EPMD_PORT -names; do
        kill -0 $! || exit
        sleep 0.02
    done
    echo 'A server starts.'
    # Debian's command insists on a user of its own; what it runs does not.
    detached=true exec /usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmq-server
}
answers() {
    [ "$(cat /proc/$pid/comm)" = beam.smp ] || return
    awk '/^A server starts/ { up = 0 } /Server startup complete/ { up = 1 } END { exit !up }' log
}
# RabbitMQ 3.10 enters a new quorum queue in a table that it syncs twice a second, and forgets
# what is in a queue that it has not entered.
settle() {
    for queue in mnesia/*/quorum/*/*/; do
        [ -d "$queue" ] || continue
        until grep -q "$(basename "$queue")" "$(dirname "$queue")/names.dets"; do sleep 0.02; done
    done
}
"#;

/// A server that has synced what it confirms; none where RabbitMQ is not installed.
pub fn start() -> Option<Broker> {
    of_kind("plain")
}

/// The same over TLS alone, with a certificate for localhost, and with a virtual host.
pub fn encrypted() -> Option<Broker> {
    of_kind("tls")
}

fn of_kind(kind: &str) -> Option<Broker> {
    if !Path::new("/usr/lib/rabbitmq/bin/rabbitmq-server").is_file() {
        daemon::is_missing("RabbitMQ", "rabbitmq-server openssl");
        return None;
    }
    let daemon = Daemon::start(Command::new("env"), FUNCTIONS, &[kind]);
    let (port, passfile, root) = (daemon.port(), daemon.file("passfile"), daemon.file("ca.pem"));
    let (passfile, root) = (passfile.display(), root.display());
    let url = match kind {
        "plain" => format!("amqp://dovetail@127.0.0.1:{port}?passfile={passfile}"),
        _ => format!("amqps://dovetail@localhost:{port}/of%20shops?passfile={passfile}&sslrootcert={root}"),
    };
    Some(Broker { daemon, url })
}
