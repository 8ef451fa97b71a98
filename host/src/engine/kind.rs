//! Which of the two engines runs a component.

use std::sync::{Mutex, PoisonError};

use wasmtime::{Engine, Error};

use super::{EngineError, Needs, start};

/// What a component wants of its engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Functions that are called and return, as in WASI 0.2.
    Plain,
    /// The component model's concurrency: async functions, streams and futures, as
    /// in WASI 0.3.
    Concurrent,
}

/// The engines of an app. The concurrent one is made when it is first asked for:
/// an app of WASI 0.2 alone has one engine and one clock.
pub struct Engines {
    needs: Needs,
    plain: Engine,
    /// Protects the making of the engine, so that there is one.
    concurrent: Mutex<Option<Engine>>,
}

impl Engines {
    /// Engines with room for what the app needs.
    pub fn new(needs: Needs) -> Result<Engines, EngineError> {
        Ok(Engines { needs, plain: start(needs, Kind::Plain)?, concurrent: Mutex::default() })
    }

    /// The engine for components of this kind.
    pub fn get(&self, kind: Kind) -> Result<Engine, EngineError> {
        match kind {
            Kind::Plain => Ok(self.plain.clone()),
            Kind::Concurrent => {
                let mut made = self.concurrent.lock().unwrap_or_else(PoisonError::into_inner);
                match &*made {
                    Some(engine) => Ok(engine.clone()),
                    None => Ok(made.insert(start(self.needs, kind)?).clone()),
                }
            }
        }
    }
}

/// Whether the plain engine refused a component for what the concurrent one has.
///
/// wasmtime has no other sign than the text (read in its version 48: every such
/// check of its validator ends with these words). The types of what a component
/// imports come first in it, so one of WASI 0.3 is refused within microseconds.
pub fn needs_concurrency(error: &Error) -> bool {
    error.chain().any(|cause| cause.to_string().contains("the component model async feature"))
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by a panic that says what was expected")]
mod tests {
    use wasmtime::component::Component;

    use super::*;

    fn engines() -> Engines {
        Engines::new(Needs { instances: 2, calls: 2, memories: 1, memory: 1 << 20 }).expect("there is room")
    }

    #[test]
    fn what_needs_concurrency_is_told_from_what_is_broken() {
        let engines = engines();
        let refused = |text: &str| {
            let bytes = wat::parse_str(text).expect("it is a component");
            Component::new(&engines.get(Kind::Plain).expect("it is there"), &bytes).err()
        };
        for text in [
            r#"(component (import "f" (func async)))"#,
            r#"(component (type (stream u8)))"#,
            r#"(component (type (future u8)))"#,
            r#"(component (core func (canon task.return)))"#,
        ] {
            assert!(needs_concurrency(&refused(text).expect(text)), "{text}");
        }
        assert!(refused(r#"(component (import "f" (func)))"#).is_none());
        let broken = r#"(component (type (own 7)))"#;
        assert!(!needs_concurrency(&refused(broken).expect(broken)));
    }

    #[test]
    fn the_concurrent_engine_is_made_once_and_on_demand() {
        let engines = engines();
        assert!(engines.concurrent.lock().expect("nobody panics").is_none());
        let made = || engines.get(Kind::Concurrent).expect("there is room");
        assert!(Engine::same(&made(), &made()));
        assert!(made().get_concurrency_support());
        assert!(!engines.get(Kind::Plain).expect("it is there").get_concurrency_support());
    }
}
