//! The memory that an instance may have.

use wasmtime::{ResourceLimiter, Result};

/// Counts an instance's linear memories against the service's limit. Beyond it
/// `memory.grow` returns -1, as the WebAssembly specification has it, so that a
/// component may cope; most do not, and trap.
#[derive(Debug)]
pub struct MemoryLimit {
    limit: u64,
    used: u64,
    /// What was asked for last beyond the limit.
    refused: Option<u64>,
}

impl MemoryLimit {
    /// A limit in bytes.
    pub fn new(limit: u64) -> Self {
        MemoryLimit { limit, used: 0, refused: None }
    }

    /// The bytes that were asked for beyond the limit since this was last asked.
    pub fn take_refused(&mut self) -> Option<u64> {
        self.refused.take()
    }
}

impl ResourceLimiter for MemoryLimit {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> Result<bool> {
        let wanted = self.used + desired.saturating_sub(current) as u64;
        if wanted > self.limit {
            self.refused = Some(wanted);
            return Ok(false);
        }
        // A growth beyond the memory's own maximum fails without our help.
        if maximum.is_none_or(|maximum| desired <= maximum) {
            self.used = wanted;
        }
        Ok(true)
    }

    fn table_growing(&mut self, _current: usize, desired: usize, maximum: Option<usize>) -> Result<bool> {
        Ok(maximum.is_none_or(|maximum| desired <= maximum))
    }
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by a panic that says what was expected")]
mod tests {
    use super::*;

    #[test]
    fn all_memories_of_an_instance_count() {
        let mut limit = MemoryLimit::new(100);
        assert!(limit.memory_growing(0, 60, None).expect("counts"));
        assert!(!limit.memory_growing(0, 60, None).expect("counts"));
        assert_eq!(limit.take_refused(), Some(120));
        assert!(limit.memory_growing(60, 100, None).expect("counts"));
        assert_eq!(limit.take_refused(), None);
    }
}
