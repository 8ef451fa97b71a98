//! Whose requests are refused first where there are too many.

use super::Invalid;

/// How much a request matters, beside others of its service.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Priority {
    /// It is refused first.
    Low,
    /// As most are.
    #[default]
    Normal,
    /// It is refused last.
    High,
}

impl Priority {
    /// Reads `low`, `normal` or `high`.
    pub(super) fn parse(text: &str) -> Result<Priority, Invalid> {
        match text {
            "low" => Ok(Priority::Low),
            "normal" => Ok(Priority::Normal),
            "high" => Ok(Priority::High),
            _ => Err(Invalid::new("is no priority", "write \"low\", \"normal\" or \"high\"")),
        }
    }
}
