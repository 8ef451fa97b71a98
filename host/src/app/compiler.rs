//! Compiling a component for the engine that it needs.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use wasmtime::component::Component;

use crate::{
    engine::{self, CodeCache, Compiled, Effort, EngineError, Engines, Kind},
    link::Surface,
};

/// What compiles the components of an app.
pub struct Compiler {
    /// Run them.
    pub engines: Engines,
    /// Where code is kept.
    pub cache: Arc<CodeCache>,
    /// What it may take of the machine.
    effort: Effort,
    /// What was compiled for a plan, by digest: services of one component share its
    /// code. None when the plan has become an app. Protects only the map.
    shared: Mutex<Option<HashMap<String, (Kind, Component)>>>,
}

/// A component, compiled and looked into.
pub struct Looked {
    /// The engine that it was compiled for.
    pub kind: Kind,
    /// What came of it.
    pub compiled: Compiled,
    /// What it imports and exports.
    pub surface: Surface,
}

/// Why a component was not compiled.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// Its engine could not be made.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// wasmtime refused it.
    #[error(transparent)]
    Component(wasmtime::Error),
}

impl Compiler {
    /// For a plan.
    pub fn new(engines: Engines, cache: Arc<CodeCache>, effort: Effort) -> Compiler {
        Compiler { engines, cache, effort, shared: Mutex::new(Some(HashMap::new())) }
    }

    /// For an app, which serves meanwhile. It keeps no code but that of its services.
    pub fn serving(self) -> Compiler {
        Compiler { effort: Effort::Background, shared: Mutex::default(), ..self }
    }

    /// Compile for the plain engine, or for the concurrent one if the component
    /// has anything async in it or imports of WASI 0.3, whose interfaces are
    /// offered there.
    pub fn compile(&self, digest: &str, bytes: &[u8]) -> Result<Looked, CompileError> {
        let shared = self.shared().as_ref().and_then(|shared| shared.get(digest).cloned());
        if let Some((kind, component)) = shared {
            let surface = Surface::of(&component);
            return Ok(Looked { kind, compiled: Compiled { component, from_cache: true }, surface });
        }
        let looked = match self.compile_for(Kind::Plain, digest, bytes) {
            Ok(looked) if !looked.surface.is_of_wasi_03() => looked,
            Err(CompileError::Component(error)) if !engine::needs_concurrency(&error) => {
                return Err(CompileError::Component(error));
            }
            _ => self.compile_for(Kind::Concurrent, digest, bytes)?,
        };
        if let Some(shared) = &mut *self.shared() {
            shared.insert(digest.to_owned(), (looked.kind, looked.compiled.component.clone()));
        }
        Ok(looked)
    }

    fn shared(&self) -> MutexGuard<'_, Option<HashMap<String, (Kind, Component)>>> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn compile_for(&self, kind: Kind, digest: &str, bytes: &[u8]) -> Result<Looked, CompileError> {
        let engine = self.engines.get(kind)?;
        let compiled = engine::compile(&engine, &self.cache, digest, bytes, self.effort);
        let compiled = compiled.map_err(CompileError::Component)?;
        let surface = Surface::of(&compiled.component);
        Ok(Looked { kind, compiled, surface })
    }
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by a panic that says what was expected")]
mod tests {
    use super::*;
    use crate::engine::Needs;

    const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

    #[test]
    fn services_of_one_component_share_its_code_from_the_start() {
        let needs = Needs { instances: 1, calls: 1, memories: 1, memory: 1 << 20 };
        let engines = Engines::new(needs).expect("there is room");
        let compiler = Compiler::new(engines, Arc::new(CodeCache::none()), Effort::Full);
        let compile = |compiler: &Compiler, digest| compiler.compile(digest, COMPONENT).expect("it is a component");
        let place = |looked: &Looked| looked.compiled.component.image_range().start.addr();

        let (one, other) = (compile(&compiler, "one"), compile(&compiler, "other"));
        assert!(!one.compiled.from_cache && !other.compiled.from_cache, "the digest tells them apart");
        let same = compile(&compiler, "one");
        assert_eq!((same.kind, same.compiled.from_cache), (one.kind, true));
        assert_eq!(place(&same), place(&one));
        assert_ne!(place(&other), place(&one));

        // An app that serves for months would keep what its services had once.
        assert_ne!(place(&compile(&compiler.serving(), "one")), place(&one));
    }
}
