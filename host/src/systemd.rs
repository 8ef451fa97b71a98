//! What systemd gives to a service, and is told by it: sockets that it has bound already, and
//! how the service stands. Others who speak as it does are as good, and without any of them
//! nothing here does anything.
//!
//! Who listens on a passed socket, and what there is to tell, is `cli`'s to know.

pub use self::{
    notices::{ready, status, stopping, watch},
    passed::{Passed, Unusable, passed},
};

mod notices;
mod passed;
