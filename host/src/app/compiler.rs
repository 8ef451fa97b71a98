//! Compiling a component for the engine that it needs.

use std::sync::Arc;

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
    pub effort: Effort,
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
    /// Compile for the plain engine, or for the concurrent one if the component
    /// has anything async in it or imports of WASI 0.3, whose interfaces are
    /// offered there.
    pub fn compile(&self, digest: &str, bytes: &[u8]) -> Result<Looked, CompileError> {
        match self.compile_for(Kind::Plain, digest, bytes) {
            Ok(looked) if !looked.surface.is_of_wasi_03() => Ok(looked),
            Err(CompileError::Component(error)) if !engine::needs_concurrency(&error) => {
                Err(CompileError::Component(error))
            }
            _ => self.compile_for(Kind::Concurrent, digest, bytes),
        }
    }

    fn compile_for(&self, kind: Kind, digest: &str, bytes: &[u8]) -> Result<Looked, CompileError> {
        let engine = self.engines.get(kind)?;
        let compiled = engine::compile(&engine, &self.cache, digest, bytes, self.effort);
        let compiled = compiled.map_err(CompileError::Component)?;
        let surface = Surface::of(&compiled.component);
        Ok(Looked { kind, compiled, surface })
    }
}
