//! The users for other services.

use crate::Service;
use crate::bindings::exports::shop::users::directory::{DirectoryError, Guest, User};
use crate::users;

impl Guest for Service {
    /// A store that fails is an answer: a trap would cost the instance and tell
    /// the caller nothing.
    fn get_user(id: u64) -> Result<Option<User>, DirectoryError> {
        let unavailable = |cause: String| DirectoryError::Unavailable(cause);
        let Some(json) = users::get(id).map_err(|error| unavailable(error.to_string()))? else {
            return Ok(None);
        };
        let user = users::parse(&json).map_err(|error| unavailable(error.to_string()))?;
        Ok(Some(User { id: user.id, name: user.name.into_owned() }))
    }

    fn admit(id: u64) -> Result<bool, DirectoryError> {
        users::admit(id).map_err(|error| DirectoryError::Unavailable(error.to_string()))
    }
}
