//! Small components of ours that depend on the app, made from their text.

use super::ComposeError;

/// Bytes of a page of memory.
pub const PAGE: usize = 64 * 1024;

/// The component that a text describes. The texts are ours: an error is a defect.
pub fn parse(name: &str, text: &str) -> Result<Vec<u8>, ComposeError> {
    let cannot = |error: wat::Error| ComposeError::Component { name: format!("dovetail:{name}"), source: error.into() };
    wat::parse_str(text).map_err(cannot)
}

/// Bytes as they are written in a string of the text format.
pub fn escaped(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("\\{byte:02x}")).collect()
}
