//! A service's component, compiled and looked into.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use wasmtime::component::{Component, ComponentExportIndex};

use super::{
    compiler::{CompileError, Compiler, Looked},
    digest,
};
use crate::{
    engine::{Compiled, Defect, Kind},
    link::{self, Surface},
    manifest::{Manifest, Problem, ServiceManifest},
    service::HANDLERS,
};

/// The largest component, in bytes, from a file as in a swap. A large one of an
/// interpreted language has 20 MB; compiling takes memory, many times its size.
pub const LARGEST: usize = 128 << 20;

const BUILD_HELP: &str = "build it as a component of WASI 0.2 or 0.3, for example with `--target wasm32-wasip2`";

/// What makes a component smaller.
pub const SMALLER_HELP: &str =
    "leave out what it does not use, and its debug information, as `wasm-tools strip` does; or make two services of it";

/// A service of a plan, in the manifest's order.
pub struct Part {
    /// SHA-256 of the component, in hexadecimal.
    pub digest: String,
    /// Bytes of the component.
    pub size: usize,
    /// How long it took to compile.
    pub compiled_in: Duration,
    /// Whether that was done before, and kept.
    pub from_cache: bool,
    pub(super) kind: Kind,
    pub(super) component: Component,
    pub(super) surface: Surface,
}

impl Part {
    /// Compile a service's component, `name` being what people know it by.
    pub(super) fn compile(
        manifest: &Manifest,
        compiler: &Compiler,
        service: &ServiceManifest,
        name: &str,
        bytes: &[u8],
    ) -> Result<Part, Box<Problem>> {
        let started = Instant::now();
        let problem = |title: String, help| manifest.problem(&service.name, Some("component"), title, help);
        if let Some((what, help)) = what_instead(bytes) {
            let title = format!("service `{}` has no component", service.name);
            return Err(Box::new(problem(title, help).label(format!("{name} is {what}"))));
        }
        let digest = digest(bytes);
        let looked = compiler.compile(&digest, bytes).map_err(|error| match error {
            CompileError::Component(error) => cannot_load(manifest, service, &error),
            CompileError::Engine(error) => {
                let title = format!("service `{}` cannot be run: {error}", service.name);
                problem(title, "lower `limits.instances`, or give the host more memory and threads")
            }
        })?;
        let Looked { kind, compiled: Compiled { component, from_cache }, surface } = looked;
        if kind == Kind::Plain && service.limits.concurrency > 1 {
            return Err(Box::new(one_call_at_a_time(manifest, service)));
        }
        Ok(Part { digest, size: bytes.len(), compiled_in: started.elapsed(), from_cache, kind, component, surface })
    }

    /// Linear memories of one instance.
    pub(super) fn memories(&self) -> u32 {
        self.component.resources_required().map_or(0, |required| required.num_memories)
    }

    /// Whether it answers HTTP.
    pub(super) fn handles_http(&self) -> bool {
        HANDLERS.iter().any(|handler| handler.parse().is_ok_and(|handler| self.surface.export(&handler).is_some()))
    }

    /// The functions that links may call.
    pub(super) fn linkable_exports(&self) -> HashMap<String, ComponentExportIndex> {
        let mut indices = HashMap::new();
        let exports = self.surface.exports.iter().filter(|export| !export.name.is_wasi());
        // Of several compatible versions the one whose types were compared.
        for export in
            exports.filter(|export| self.surface.export(&export.name).is_some_and(|it| it.name == export.name))
        {
            let Some(interface) = self.component.get_export_index(None, &*export.name.to_string()) else { continue };
            for (function, _) in &export.functions {
                if let Some(index) = self.component.get_export_index(Some(&interface), function) {
                    indices.insert(link::export_key(&export.name, function), index);
                }
            }
        }
        indices
    }
}

/// What a file is that does not begin as a component does, and what would be right.
fn what_instead(bytes: &[u8]) -> Option<(&'static str, &'static str)> {
    // A module and a component begin alike and differ in the fifth to eighth
    // byte: version 1 of one, version 13 of the other's layer.
    match bytes {
        [b'\0', b'a', b's', b'm', 0x0d, 0, 1, 0, ..] => None,
        [b'\0', b'a', b's', b'm', 1, 0, 0, 0, ..] => Some((
            "a core module, not a component",
            "build it as a component, for example with `--target wasm32-wasip2`, or make one of it with `wasm-tools \
             component new`",
        )),
        [] => Some(("empty", "build it again: nothing is in it")),
        text if is_text(text) => {
            Some(("WebAssembly in its text form", "translate it with `wasm-tools parse -o component.wasm`"))
        }
        _ => Some(("not WebAssembly", BUILD_HELP)),
    }
}

/// Whether it begins as WebAssembly in its text form does.
fn is_text(bytes: &[u8]) -> bool {
    let text = bytes.trim_ascii_start();
    [b"(component", b"(module".as_slice(), b"(;", b";;"].iter().any(|start| text.starts_with(start))
}

/// Whatever wasmtime has against a component, in its own words: they name the
/// place in the file and the feature.
fn cannot_load(manifest: &Manifest, service: &ServiceManifest, error: &wasmtime::Error) -> Problem {
    let causes = error.chain().map(ToString::to_string);
    // The first of them calls every component a module.
    let causes: Vec<_> = causes.filter(|cause| cause != "failed to parse WebAssembly module").collect();
    let cause = causes.join(": ");
    let help = match &cause {
        cause if cause.contains("unexpected end") || cause.contains("out of bounds") => {
            "build it again: the file is cut off"
        }
        // Room is made beforehand, the same for every component.
        cause if cause.contains("exceeds the") => {
            "no component may have more: compose it of fewer parts, or make two services of it"
        }
        _ if error.is::<Defect>() => {
            "it may well be valid: put it together of other parts, or use a newer Dovetail when there is one"
        }
        _ => BUILD_HELP,
    };
    let title = format!("the component of service `{}` cannot be loaded", service.name);
    manifest.problem(&service.name, Some("component"), title, help).label(cause)
}

/// Its manifest has a limit that its component has no use for.
fn one_call_at_a_time(manifest: &Manifest, service: &ServiceManifest) -> Problem {
    let title =
        format!("service `{}` is to serve several calls in an instance, which its component cannot", service.name);
    let help = "leave limits.concurrency out, or build the component for WASI 0.3; for more calls at once raise \
                limits.instances";
    let label = "an instance of WASI 0.2 serves one call at a time";
    manifest.problem(&service.name, Some("limits.concurrency"), title, help).label(label)
}
