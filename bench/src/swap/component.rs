//! Components for the service `user`: two variants of equal behaviour, and as many
//! more as are wanted that no host has seen.

use anyhow::{Context, Result};
use hyper::body::Bytes;

use crate::host;

/// What `user` answers where there is no such user.
pub const ANSWER: &str = "User not found";

/// What its other variant answers; as long, so that it can take the place.
const OTHER_ANSWER: &str = "User not known";

/// Where they come from.
pub struct Components {
    /// The one to take next comes first.
    variants: [Bytes; 2],
    unseen: u64,
}

impl Components {
    /// From what was built.
    pub fn read() -> Result<Components> {
        let user = host::component("user")?;
        let place = user.windows(ANSWER.len()).position(|text| text == ANSWER.as_bytes());
        let place = place.with_context(|| format!("user.wasm does not say {ANSWER:?}"))?;
        let mut other = user.clone();
        other[place..place + OTHER_ANSWER.len()].copy_from_slice(OTHER_ANSWER.as_bytes());
        Ok(Components { variants: [other.into(), user.into()], unseen: 0 })
    }

    /// The variant that was not taken last.
    pub fn other(&mut self) -> Bytes {
        self.variants.swap(0, 1);
        self.variants[1].clone()
    }

    /// One that was never taken. The host knows a component by its digest, and a
    /// custom section, which means nothing, makes it another.
    pub fn unseen(&mut self) -> Bytes {
        self.unseen += 1;
        let mut component = self.variants[0].to_vec();
        component.extend([0, 9 + 1, 1, b'n']); // custom, its size, the name's size, the name
        component.extend(self.unseen.to_le_bytes());
        component.into()
    }

    /// How large they are, in bytes.
    pub fn size(&self) -> usize {
        self.variants[0].len()
    }
}
